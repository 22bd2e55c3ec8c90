// A server for one run: a folder of its own, a free port, nothing of the developer's settings.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const usual = join(dirname(fileURLToPath(import.meta.url)), '../../target/debug/tenon')

/** `settings` are environment variables of this one server. */
export async function startServer(settings = {}) {
  const binary = resolve(process.env.TENON_BIN ?? usual)
  if (!existsSync(binary)) {
    console.error(`There is no binary at ${binary}: cargo build --bin tenon, or set TENON_BIN or TENON_URL.`)
    process.exit(2)
  }
  const folder = mkdtempSync(join(tmpdir(), 'tenon-e2e-'))
  const log = join(folder, 'server.log')
  const { PATH, HOME } = process.env
  const child = spawn(binary, ['serve', '--port', '0'], {
    cwd: folder,
    env: { PATH, HOME, APP_ENV: 'dev', DATA_DIR: join(folder, 'data'), RATE_LIMIT_PER_MINUTE: '0', LOG_LEVEL: 'warn', ...settings },
    stdio: ['ignore', 'pipe', openSync(log, 'w')],
  })
  const ended = new Promise((done) => child.once('exit', (code, signal) => done(code ?? signal)))
  const kill = () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', kill)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130))

  let printed = ''
  const url = await new Promise((found, failed) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      printed += text
      const match = / serves (http:\S+)/.exec(printed)
      if (match) found(match[1])
    })
    ended.then((code) => failed(new Error(`the server ended (${code}): ${readFileSync(log, 'utf8')}`)))
    setTimeout(() => failed(new Error('the server did not start within 60 s')), 60_000).unref()
  })
  return {
    url,
    async stop() {
      child.kill('SIGTERM')
      const code = await ended
      process.off('exit', kill)
      const said = readFileSync(log, 'utf8').trim()
      if (said) console.log(`the server's log:\n${said}`)
      if (code !== 0) process.exitCode = 1
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
