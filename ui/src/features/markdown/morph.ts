// Makes nodes like others with the fewest changes, so that what grows does not flicker: selection, focus and scrolling stay.

/** Makes the children of `root` like those of `wanted`, whose nodes may be taken over. */
export function morphChildren(root: Node, wanted: Node): void {
  let have = root.firstChild
  let want = wanted.firstChild
  while (want) {
    const nextWanted: ChildNode | null = want.nextSibling
    if (!have) {
      root.appendChild(want)
    } else {
      const nextHad: ChildNode | null = have.nextSibling
      if (!morph(have, want)) root.replaceChild(want, have)
      have = nextHad
    }
    want = nextWanted
  }
  while (have) {
    const nextHad: ChildNode | null = have.nextSibling
    have.remove()
    have = nextHad
  }
}

/** Makes a node like another one; false when it cannot become that. */
function morph(have: ChildNode, want: ChildNode): boolean {
  if (have instanceof Text && want instanceof Text) {
    // Appending keeps a selection in the text before.
    if (want.data.startsWith(have.data)) {
      if (want.length > have.length) have.appendData(want.data.slice(have.length))
    } else have.data = want.data
    return true
  }
  if (!(have instanceof HTMLElement) || !(want instanceof HTMLElement) || have.tagName !== want.tagName) return false
  // What a reader has opened stays open.
  if (have.dataset.opened !== undefined) return have.dataset.opened === want.dataset.offer
  if (!sameAttributes(have, want)) return false
  if (!have.isEqualNode(want)) morphChildren(have, want)
  return true
}

function sameAttributes(one: Element, other: Element): boolean {
  return (
    one.attributes.length === other.attributes.length &&
    Array.from(one.attributes).every(({ name, value }) => other.getAttribute(name) === value)
  )
}
