import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { useSession } from '@/stores/session'

type Style = 'datetime' | 'date' | 'time' | 'full'

const styles: Record<Style, Intl.DateTimeFormatOptions> = {
  datetime: { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hour12: false },
  date: { year: 'numeric', month: '2-digit', day: '2-digit' },
  time: { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false },
  full: { dateStyle: 'full', timeStyle: 'long' },
}

export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'
}

export function formatTime(value: string | null | undefined, locale: string, zone: string, style: Style = 'datetime'): string {
  if (!value) return ''
  const date = new Date(value)
  if (Number.isNaN(date.getTime())) return value
  try {
    return new Intl.DateTimeFormat(locale, { ...styles[style], timeZone: zone }).format(date)
  } catch {
    // The server may know a zone this browser does not.
    return new Intl.DateTimeFormat(locale, styles[style]).format(date)
  }
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3600], ['minute', 60],
]

export function relativeTime(value: string | null | undefined, locale: string, now = Date.now()): string {
  if (!value) return ''
  const seconds = Math.round((Date.parse(value) - now) / 1000)
  if (Number.isNaN(seconds)) return ''
  const [unit, size] = UNITS.find(([, s]) => Math.abs(seconds) >= s) ?? ['minute', 60]
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(Math.trunc(seconds / size), unit)
}

function isNow(value: string | null | undefined): boolean {
  return !!value && Math.abs(Date.parse(value) - Date.now()) < 60_000
}

export function useFormat() {
  const { locale, t } = useI18n()
  const session = useSession()
  const zone = computed(() => session.me?.user.time_zone || browserZone())
  return {
    zone,
    time: (value: string | null | undefined, style?: Style) => formatTime(value, locale.value, zone.value, style),
    // Seconds would be wrong by the time they are read.
    ago: (value: string | null | undefined) => (isNow(value) ? t('common.just_now') : relativeTime(value, locale.value)),
    number: (value: number) => new Intl.NumberFormat(locale.value).format(value),
  }
}

/** `Firefox · Linux`: enough to recognise one's own device. */
export function shortAgent(agent: string | null | undefined): string {
  if (!agent) return ''
  const browser = /(Edg|OPR|Firefox|Chrome|Safari|curl|PostmanRuntime|okhttp|python-requests)/.exec(agent.replace('HeadlessChrome', 'Chrome'))?.[1]
  const system = /(Windows|Mac OS X|Android|iPhone|iPad|Linux)/.exec(agent)?.[1]
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', PostmanRuntime: 'Postman', 'Mac OS X': 'macOS' }
  const parts = [browser, system].filter((part): part is string => !!part).map((part) => names[part] ?? part)
  return parts.length > 0 ? parts.join(' · ') : agent.slice(0, 40)
}
