import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Date;
import java.util.TimeZone;
import org.quartz.CronExpression;

/**
 * Reads cases (expression | zone | from) and writes rows of fires.tsv with the next five fire times that Quartz
 * itself finds. A case that Quartz refuses is written as a comment, so that it cannot pass unnoticed.
 */
public final class QuartzOracle {
    private static final int FIRES = 5;

    public static void main(String[] args) throws Exception {
        String source = args[0];
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        StringBuilder out = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            String[] parts = line.split("\\|");
            String text = parts[0].strip();
            String zone = parts[1].strip();
            String from = parts[2].strip();
            out.append(row(text, zone, from, source)).append('\n');
        }
        System.out.print(out);
    }

    private static String row(String text, String zone, String from, String source) {
        CronExpression cron;
        try {
            cron = new CronExpression(text);
        } catch (java.text.ParseException refused) {
            return "# refused by Quartz: " + text + ": " + refused.getMessage();
        }
        cron.setTimeZone(TimeZone.getTimeZone(zone));
        StringBuilder fires = new StringBuilder();
        Date at = Date.from(Instant.parse(from));
        for (int i = 0; i < FIRES; i++) {
            at = cron.getNextValidTimeAfter(at);
            if (at == null) {
                fires.append(i == 0 ? "end" : " end");
                break;
            }
            fires.append(i == 0 ? "" : " ").append(at.toInstant());
        }
        return String.join("\t", text, zone, from, fires, source);
    }
}
