// The Markdown engine and its extras, loaded once and only when text is to be shown that needs them.
import { shallowRef, type ShallowRef } from 'vue'
import type { Highlighter, MathSetter } from './render'

type Engine = typeof import('./engine')
type Diagrams = typeof import('./diagram')

/** A part that is loaded once; a failed load (a cut line, a new version on the server) is tried again by the next caller. */
function lazy<M, T>(from: () => Promise<M>, pick: (module: M) => T): { value: ShallowRef<T | undefined>; load: () => Promise<void> } {
  const value = shallowRef<T>()
  let loading: Promise<void> | undefined
  return {
    value,
    load: () =>
      (loading ??= from().then(
        (module) => void (value.value = pick(module)),
        () => void (loading = undefined),
      )),
  }
}

const engine = lazy(() => import('./engine'), (module): Engine => module)
const math = lazy(() => import('./katex'), (module): MathSetter => module.setMath)
const code = lazy(() => import('./highlight'), (module): Highlighter => module.highlight)
const diagrams = lazy(() => import('./diagram'), (module): Diagrams['drawDiagram'] => module.drawDiagram)

export const loadEngine = engine.load

export function useEngine() {
  void engine.load()
  return { engine: engine.value, math, code, diagrams }
}
