// One clock tick a second for every countdown on the page; it stands still while nobody looks.
import { onScopeDispose, readonly, ref, type Ref } from 'vue'
import { clock } from './clock'

const now = ref(clock.now())
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The server's time, renewed each second while a component that asked for it lives. */
export function useNow(): Readonly<Ref<number>> {
  users += 1
  now.value = clock.now()
  timer ??= setInterval(() => (now.value = clock.now()), 1000)
  onScopeDispose(() => {
    users -= 1
    if (users === 0) {
      clearInterval(timer)
      timer = undefined
    }
  })
  return readonly(now)
}
