// The Markdown engine and the formula setter, loaded once and only when text is to be shown.
import { shallowRef, type ShallowRef } from 'vue'
import type { MathSetter } from './render'

type Engine = typeof import('./engine')

const engine = shallowRef<Engine>()
const setMath = shallowRef<MathSetter>()
let loadingEngine: Promise<void> | undefined
let loadingMath: Promise<void> | undefined

/** Loads it once; a failed load (a cut line, a new version on the server) is tried again by the next caller. */
export function loadEngine(): Promise<void> {
  loadingEngine ??= import('./engine').then(
    (module) => void (engine.value = module),
    () => void (loadingEngine = undefined),
  )
  return loadingEngine
}

export function loadMath(): Promise<void> {
  loadingMath ??= import('./katex').then(
    (module) => void (setMath.value = module.setMath),
    () => void (loadingMath = undefined),
  )
  return loadingMath
}

export function useEngine(): { engine: ShallowRef<Engine | undefined>; setMath: ShallowRef<MathSetter | undefined> } {
  void loadEngine()
  return { engine, setMath }
}
