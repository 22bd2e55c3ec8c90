import { send, type Params } from './client'

/** Fetches a file with the access token and hands it to the browser: a plain link could not carry the token. */
export async function download(path: string, params: Params, fallbackName: string): Promise<void> {
  const response = await send('get', path, { params, headers: { Accept: '*/*' } })
  const name = fileName(response.headers.get('content-disposition')) ?? fallbackName
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

function fileName(disposition: string | null): string | null {
  const match = /filename\*=UTF-8''([^;]+)|filename="?([^";]+)"?/i.exec(disposition ?? '')
  if (!match) return null
  return match[1] ? decodeURIComponent(match[1]) : (match[2] ?? null)
}
