import { send } from './client'

export interface StreamEvent {
  event: string
  data: string
  id: string
}

/**
 * The wire format of server-sent events, piece by piece as it arrives. A browser's own EventSource cannot send the
 * access token, so the stream is fetched and read here.
 */
export class EventParser {
  private rest = ''
  private event = ''
  private data: string[] = []
  private id = ''
  private first = true
  /** The pause before reconnecting that the server asked for, in milliseconds. */
  retry: number | null = null

  push(text: string): StreamEvent[] {
    let all = this.rest + text
    if (this.first && all.length > 0) {
      all = all.replace(/^\uFEFF/, '')
      this.first = false
    }
    const found: StreamEvent[] = []
    for (;;) {
      const end = /\r\n|\n|\r/.exec(all)
      // A carriage return at the very end may be half of a line end whose other half is still on its way.
      if (!end || (end[0] === '\r' && end.index === all.length - 1)) break
      const event = this.line(all.slice(0, end.index))
      if (event) found.push(event)
      all = all.slice(end.index + end[0].length)
    }
    this.rest = all
    return found
  }

  private line(line: string): StreamEvent | null {
    if (line === '') return this.dispatch()
    if (line.startsWith(':')) return null
    const at = line.indexOf(':')
    const field = at < 0 ? line : line.slice(0, at)
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '')
    if (field === 'event') this.event = value
    else if (field === 'data') this.data.push(value)
    else if (field === 'id' && !value.includes('\0')) this.id = value
    else if (field === 'retry' && /^\d+$/.test(value)) this.retry = Number(value)
    return null
  }

  private dispatch(): StreamEvent | null {
    const event = this.data.length > 0 ? { event: this.event || 'message', data: this.data.join('\n'), id: this.id } : null
    // An `end` without data is still an end.
    const bare = !event && this.event ? { event: this.event, data: '', id: this.id } : null
    this.event = ''
    this.data = []
    return event ?? bare
  }
}

export interface StreamOptions {
  signal: AbortSignal
  lastId?: string
  onOpen?(): void
  onEvent(event: StreamEvent): void
}

/** Reads until the server closes. Rejects with an ApiError when it refuses, with the network's error when the line breaks. */
export async function readEvents(path: string, options: StreamOptions): Promise<void> {
  const headers: Record<string, string> = { Accept: 'text/event-stream' }
  if (options.lastId) headers['Last-Event-ID'] = options.lastId
  const response = await send('get', path, { headers, signal: options.signal })
  if (!response.body) throw new TypeError('The answer has no body to read.')
  options.onOpen?.()
  const parser = new EventParser()
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  const leave = (): void => { void reader.cancel().catch(() => undefined) }
  options.signal.addEventListener('abort', leave, { once: true })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      for (const event of parser.push(decoder.decode(value, { stream: true }))) options.onEvent(event)
    }
  } finally {
    options.signal.removeEventListener('abort', leave)
    await reader.cancel().catch(() => undefined)
  }
}
