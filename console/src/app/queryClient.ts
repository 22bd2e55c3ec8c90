import { QueryClient } from '@tanstack/vue-query'
import { ApiError } from '@/api/errors'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // The browser's word on being online is about the internet; the server may stand on this very machine.
      networkMode: 'always',
      staleTime: 15_000,
      refetchOnWindowFocus: false,
      // What the server has decided does not change by asking again; what the network lost may.
      retry: (count, error) => count < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 502),
    },
    mutations: { networkMode: 'always', retry: false },
  },
})
