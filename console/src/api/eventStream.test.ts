import { beforeEach, describe, expect, it, vi } from 'vitest'
import { EventParser, readEvents, type StreamEvent } from './eventStream'
import { accessToken } from './token'

const parse = (...pieces: string[]): StreamEvent[] => {
  const parser = new EventParser()
  return pieces.flatMap((piece) => parser.push(piece))
}

describe('the parser of server-sent events', () => {
  it('reads name, data and id', () => {
    expect(parse('event: job\nid: 7\ndata: {"a":1}\n\n')).toEqual([{ event: 'job', data: '{"a":1}', id: '7' }])
  })

  it('waits for the empty line', () => {
    expect(parse('event: job\ndata: x\n')).toEqual([])
    expect(parse('event: job\ndata: x\n', '\n')).toEqual([{ event: 'job', data: 'x', id: '' }])
  })

  it('finds the same events however the text is cut', () => {
    const text = ': hello\r\nevent: log\r\nid: 1\r\ndata: one\r\ndata: two\r\n\r\ndata: three\n\nevent: end\ndata\n\n'
    const whole = parse(text)
    expect(whole.map((e) => [e.event, e.data])).toEqual([['log', 'one\ntwo'], ['message', 'three'], ['end', '']])
    for (let size = 1; size < text.length; size++) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))
      expect(parse(...pieces)).toEqual(whole)
    }
  })

  it('takes a lone carriage return as a line end', () => {
    expect(parse('data: a\r\rdata: b\r\r', '\n')).toEqual([{ event: 'message', data: 'a', id: '' }, { event: 'message', data: 'b', id: '' }])
  })

  it('ignores comments, unknown fields and a byte order mark', () => {
    expect(parse('\uFEFFdata: a\n: still here\ncolour: red\n\n')).toEqual([{ event: 'message', data: 'a', id: '' }])
    expect(parse(':\n\n', '\n')).toEqual([])
  })

  it('takes off one space after the colon and no more', () => {
    expect(parse('data:  x\n\ndata:y\n\n').map((e) => e.data)).toEqual([' x', 'y'])
  })

  it('keeps the last id for later events and the pause that was asked for', () => {
    const parser = new EventParser()
    const events = parser.push('id: 5\ndata: a\n\ndata: b\n\nretry: 2500\nretry: soon\n\n')
    expect(events.map((e) => e.id)).toEqual(['5', '5'])
    expect(parser.retry).toBe(2500)
  })

  it('tells an event without data, such as an end', () => {
    expect(parse('event: end\n\n')).toEqual([{ event: 'end', data: '', id: '' }])
  })
})

describe('the stream', () => {
  beforeEach(() => {
    vi.unstubAllGlobals()
    accessToken.set('token')
  })

  const streaming = (chunks: Uint8Array[]) => new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })

  it('carries the token and where it left off, and joins characters that were cut in two', async () => {
    const asked: Request[] = []
    const bytes = new TextEncoder().encode('event: log\ndata: 榫卯\n\n')
    vi.stubGlobal('fetch', async (request: Request) => {
      asked.push(request)
      return new Response(streaming([bytes.slice(0, 18), bytes.slice(18)]), { headers: { 'content-type': 'text/event-stream' } })
    })
    const events: StreamEvent[] = []
    await readEvents('/api/jobs/1/events', { signal: new AbortController().signal, lastId: '41', onEvent: (e) => events.push(e) })
    expect(events).toEqual([{ event: 'log', data: '榫卯', id: '' }])
    expect(asked[0]?.headers.get('authorization')).toBe('Bearer token')
    expect(asked[0]?.headers.get('last-event-id')).toBe('41')
    expect(asked[0]?.headers.get('accept')).toBe('text/event-stream')
  })

  it('rejects with the server’s problem when it is refused', async () => {
    vi.stubGlobal('fetch', async () => new Response(JSON.stringify({ code: 'not_found' }), { status: 404 }))
    await expect(readEvents('/api/jobs/1/events', { signal: new AbortController().signal, onEvent: () => {} })).rejects.toMatchObject({ status: 404, code: 'not_found' })
  })
})
