// What the Markdown view needs, as one lazily loaded piece.
export { cutBlocks, noBlocks, type Blocks } from './blocks'
export { diagramIn, hasCode, hasMath, renderMarkdown, showImage } from './render'
export { morphChildren } from './morph'
