import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import * as auth from '@/api/auth'
import { refreshSession } from '@/api/client'
import { accessToken } from '@/api/token'
import type { CheckInit, Me, SignedIn } from '@/api/types'

type Word = 'signed_out' | 'signed_in' | 'organization_changed'

const HINT = 'tenon.signed_in'

/** Who is signed in. The only store with an answer of the server in it, because everything else depends on it. */
export const useSession = defineStore('session', () => {
  const me = ref<Me | null>(null)
  const server = ref<CheckInit | null>(null)
  const granted = computed(() => new Set(me.value?.permissions ?? []))
  const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('tenon')
  let restoring: Promise<boolean> | null = null

  function tell(word: Word): void {
    channel?.postMessage(word)
  }

  function onWord(listener: (word: Word) => void): void {
    channel?.addEventListener('message', (event: MessageEvent<Word>) => listener(event.data))
  }

  async function checkServer(force = false): Promise<CheckInit> {
    if (force || !server.value) server.value = await auth.checkInit()
    return server.value
  }

  async function load(): Promise<void> {
    me.value = await auth.userInfo()
  }

  async function begin(answer: SignedIn): Promise<void> {
    accessToken.set(answer.access_token)
    await load()
    remember(true)
    tell('signed_in')
  }

  /** A reload keeps the person signed in: the cookie is the only thing that survives it. */
  function restore(): Promise<boolean> {
    if (me.value) return Promise.resolve(true)
    restoring ??= (async () => {
      if (!(await refreshSession())) return false
      await load()
      remember(true)
      return true
    })().finally(() => {
      restoring = null
    })
    return restoring
  }

  async function switchTo(organizationId: string): Promise<void> {
    const answer = await auth.switchOrganization(organizationId)
    accessToken.set(answer.access_token)
    await load()
    tell('organization_changed')
  }

  async function end(all = false): Promise<void> {
    await auth.logout(all)
    forget()
    tell('signed_out')
  }

  function forget(): void {
    accessToken.set(null)
    me.value = null
    remember(false)
  }

  const can = (permission?: string | null): boolean => !permission || granted.value.has(permission)

  return { me, server, granted, can, checkServer, load, begin, restore, switchTo, end, forget, onWord, maybeSignedIn }
})

function remember(signedIn: boolean): void {
  try {
    if (signedIn) localStorage.setItem(HINT, '1')
    else localStorage.removeItem(HINT)
  } catch {
    // Only a hint; without storage the guest pages just do not skip themselves.
  }
}

/** Spares guest pages a refresh that must fail for everyone who never signed in here. */
function maybeSignedIn(): boolean {
  try {
    return localStorage.getItem(HINT) === '1'
  } catch {
    return false
  }
}
