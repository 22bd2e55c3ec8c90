import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, defineComponent, h } from 'vue'
import type { Job, JobLog } from '@/api/jobs'
import { accessToken } from '@/api/token'
import { useLiveJob } from './useLiveJob'

const base = { id: 'j', kind: 'demo.sleep', state: 'running', progress: { done: 0, total: 10 }, cancel_requested: false } as unknown as Job
let job: Job
let asked: { path: string; lastId: string | null }[]
/** What each new stream does, in turn; the last one stays. */
let streams: ((controller: ReadableStreamDefaultController<Uint8Array>) => void)[]
let refusal = 0

const text = (line: string) => new TextEncoder().encode(line)
const event = (name: string, data: unknown, eventId = '') => text(`${eventId ? `id: ${eventId}\n` : ''}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)

let stop = (): void => {}

function watchJob(): { live: ReturnType<typeof useLiveJob>; lines: JobLog[] } {
  const lines: JobLog[] = []
  let live: ReturnType<typeof useLiveJob> | undefined
  const app = createApp(defineComponent({
    setup() {
      live = useLiveJob('j', { onLog: (line) => lines.push(line) })
      return () => h('i')
    },
  }))
  app.use(VueQueryPlugin, { queryClient: new QueryClient({ defaultOptions: { queries: { retry: false } } }) })
  app.mount(document.createElement('div'))
  stop = () => app.unmount()
  if (!live) throw new Error('not mounted')
  return { live, lines }
}

beforeEach(() => {
  vi.useFakeTimers()
  accessToken.set('t')
  job = { ...base }
  asked = []
  streams = []
  refusal = 0
  vi.stubGlobal('fetch', async (request: Request) => {
    const { pathname } = new URL(request.url)
    asked.push({ path: pathname, lastId: request.headers.get('last-event-id') })
    if (!pathname.endsWith('/events')) return new Response(JSON.stringify(job))
    if (refusal) return new Response('{}', { status: refusal })
    const play = streams.length > 1 ? streams.shift() : streams[0]
    return new Response(new ReadableStream<Uint8Array>({ start: (controller) => play?.(controller) }))
  })
})
afterEach(() => {
  stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const opened = () => asked.filter((a) => a.path.endsWith('/events'))
const polled = () => asked.length - opened().length

describe('a job that is watched', () => {
  it('changes as its stream tells, and its end fetches what only the job itself shows', async () => {
    streams = [(controller) => {
      controller.enqueue(event('job', { ...base, progress: { done: 4, total: 10 } }))
      controller.enqueue(event('log', { seq: 1, at: '', level: 'info', line: 'hello' }))
      setTimeout(() => {
        job = { ...base, state: 'succeeded', files: [{ id: 'f', name: 'a.csv', content_type: '', size: 1, expires_at: null }] }
        controller.enqueue(event('end', {}))
        controller.close()
      }, 1000)
    }]
    const { live, lines } = watchJob()
    await vi.advanceTimersByTimeAsync(100)
    expect([live.watching.value, live.job.value?.progress?.done]).toEqual(['live', 4])
    expect(lines.map((line) => line.line)).toEqual(['hello'])
    await vi.advanceTimersByTimeAsync(2000)
    expect([live.watching.value, live.job.value?.state, live.job.value?.files?.length]).toEqual(['over', 'succeeded', 1])
    expect(opened()).toHaveLength(1)
  })

  it('is followed on when the server ends the stream before the job, without a word on the screen', async () => {
    const piece = (done: number) => (controller: ReadableStreamDefaultController<Uint8Array>) => {
      controller.enqueue(event('job', { ...base, progress: { done, total: 10 } }))
      setTimeout(() => controller.close(), 10_000)
    }
    streams = [piece(1), piece(2), piece(3)]
    const { live } = watchJob()
    const seen = new Set<string>()
    for (let at = 0; at < 25_000; at += 50) {
      await vi.advanceTimersByTimeAsync(50)
      if (at > 100) seen.add(live.watching.value)
    }
    expect([...seen]).toEqual(['live'])
    expect([opened().length, live.job.value?.progress?.done]).toEqual([3, 3])
  })

  it('is asked for again and again where there is no stream', async () => {
    refusal = 404
    const { live } = watchJob()
    await vi.advanceTimersByTimeAsync(100)
    expect(live.watching.value).toBe('polling')
    job = { ...base, progress: { done: 7, total: 10 } }
    await vi.advanceTimersByTimeAsync(2100)
    expect(live.job.value?.progress?.done).toBe(7)
    job = { ...base, state: 'dead' }
    await vi.advanceTimersByTimeAsync(2100)
    expect(live.watching.value).toBe('over')
    const before = polled()
    await vi.advanceTimersByTimeAsync(20_000)
    expect([polled(), opened().length]).toEqual([before, 1])
  })

  it('is picked up where the line broke, and polled while it stays broken', async () => {
    const breaking = (controller: ReadableStreamDefaultController<Uint8Array>) => controller.error(new TypeError('reset'))
    streams = [(controller) => {
      controller.enqueue(event('job', base, '17'))
      setTimeout(() => controller.error(new TypeError('reset')), 500)
    }, breaking, breaking, (controller) => controller.enqueue(event('job', { ...base, progress: { done: 9, total: 10 } }))]
    const { live } = watchJob()
    await vi.advanceTimersByTimeAsync(100)
    expect(live.watching.value).toBe('live')
    await vi.advanceTimersByTimeAsync(600)
    expect(live.watching.value).toBe('connecting')
    await vi.advanceTimersByTimeAsync(1100)
    expect(live.watching.value).toBe('polling')
    job = { ...base, progress: { done: 9, total: 10 } } as unknown as Job
    await vi.advanceTimersByTimeAsync(10_000)
    expect([live.watching.value, live.job.value?.progress?.done]).toEqual(['live', 9])
    expect(opened().map((a) => a.lastId)).toEqual([null, '17', '17', '17'])
  })

  it('is followed again when a job that was over is tried once more', async () => {
    job = { ...base, state: 'dead' }
    const { live } = watchJob()
    await vi.advanceTimersByTimeAsync(100)
    expect([live.watching.value, opened().length]).toEqual(['over', 0])
    streams = [(controller) => controller.enqueue(event('job', base))]
    job = { ...base, state: 'ready' }
    await live.refetch()
    await vi.advanceTimersByTimeAsync(100)
    expect([live.watching.value, live.job.value?.state]).toEqual(['live', 'running'])
  })

  it('leaves no line open behind it', async () => {
    let cancelled = false
    vi.stubGlobal('fetch', async (request: Request) => (request.url.includes('/events') ? new Response(new ReadableStream({ cancel: () => { cancelled = true } })) : new Response(JSON.stringify(job))))
    watchJob()
    await vi.advanceTimersByTimeAsync(100)
    stop()
    await vi.advanceTimersByTimeAsync(100)
    expect(cancelled).toBe(true)
  })
})
