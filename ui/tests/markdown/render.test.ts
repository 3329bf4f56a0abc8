import { describe, expect, it, vi } from 'vitest'
import { highlight } from '@/features/markdown/highlight'
import { morphChildren } from '@/features/markdown/morph'
import { diagramIn, hasCode, hasMath, renderMarkdown, showImage, type MathSetter } from '@/features/markdown/render'
import { setMath as katex } from '@/features/markdown/katex'

function draw(text: string, setMath?: MathSetter): HTMLElement {
  const root = document.createElement('div')
  root.append(renderMarkdown(text, { setMath, highlight }))
  return root
}

const attacks = [
  '<script>alert(1)</script>',
  '<ScRiPt src=//evil.test/x.js></sCrIpT>',
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)><script>alert(1)</script></svg>',
  '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<a href="javascript:alert(1)">x</a>',
  '<form action="javascript:alert(1)"><button formaction="javascript:alert(1)">x</button></form>',
  '<div style="background:url(javascript:alert(1))" onclick="alert(1)">x</div>',
  '<b onmouseover=alert(1)>bold</b>',
  '[x](javascript:alert(1))',
  '[x](JaVaScRiPt:alert(1))',
  '[x](java&#115;cript:alert(1))',
  '[x](&#x6A;avascript&colon;alert(1))',
  '[x](<javascript:alert(1)>)',
  '[x](vbscript:msgbox(1))',
  '[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)',
  '[x](file:///etc/passwd)',
  '[x](/relative "title")',
  '![x](javascript:alert(1))',
  '![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)',
  '![x" onerror="alert(1)](https://pic.test/a.png)',
  '[x](https://a.test "t\\" onclick=\\"alert(1)")',
  '[x](https://a.test/"onmouseover="alert(1))',
  '[x]\n\n[x]: javascript:alert(1)',
  '<javascript:alert(1)>',
  '`<script>alert(1)</script>`',
  '```html"><script>alert(1)</script>\n<img src=x onerror=alert(1)>\n```',
  '> - > <img src=x onerror=alert(1)>',
  '| a |\n|---|\n| <img src=x onerror=alert(1)> |',
  '$$<img src=x onerror=alert(1)>$$',
  '\\(\\href{javascript:alert(1)}{x}\\)',
  '$$\\htmlData{x=y}{\\includegraphics{https://evil.test/a.png}}$$',
  '[![x](https://pic.test/a.png)](javascript:alert(1))',
  '**<script>**alert(1)</script>',
]

const allowedElements = new Set(
  'p br hr h1 h2 h3 h4 h5 h6 strong em s code pre blockquote ul ol li a table thead tbody tr th td span div button'.split(' '),
)

/** What could run, load or leave: empty for nodes that are safe to show. */
function dangers(root: HTMLElement): string[] {
  const found: string[] = []
  for (const element of root.querySelectorAll('*')) {
    const name = element.localName
    if (!allowedElements.has(name)) found.push(`<${name}>`)
    for (const attribute of element.attributes) {
      if (/^(on|src|srcdoc|style|formaction|action|xlink)/i.test(attribute.name)) found.push(`${name}[${attribute.name}]`)
      if (attribute.name === 'href' && !/^(https?|mailto):/.test(attribute.value)) found.push(`href=${attribute.value}`)
    }
  }
  return found
}

describe('an attack', () => {
  it.each(attacks)('%s leaves nothing that could run or load', (attack) => {
    for (const text of [attack, `- a\n\n  ${attack}`, `Text ${attack} text`, `\`\`\`html\n${attack}\n\`\`\``]) expect(dangers(draw(text))).toEqual([])
  })

  it.each(attacks.filter((attack) => /\$\$|\\\(/.test(attack)))('%s leaves nothing in a set formula either', (attack) => {
    const root = draw(attack, katex)
    expect(root.querySelectorAll('a[href], img, script, [onerror], [data-x]')).toHaveLength(0)
  })

  it('in raw HTML is shown as the text it is', () => {
    expect(draw('<script>alert(1)</script>').textContent.trim()).toBe('<script>alert(1)</script>')
  })

  it('in a link leaves its words', () => {
    const root = draw('See [the *words*](javascript:alert(1)).')
    expect(root.querySelector('a')).toBeNull()
    expect(root.textContent).toContain('the')
    expect(root.textContent).toContain('words')
  })
})

describe('a link', () => {
  it.each(['[x](https://a.test/b?c=d)', 'https://a.test/b?c=d', '<https://a.test/b?c=d>'])('%s opens elsewhere and tells nothing', (text) => {
    const link = draw(text).querySelector('a')
    expect(link?.href).toBe('https://a.test/b?c=d')
    expect(link?.target).toBe('_blank')
    expect(link?.rel.split(' ').sort()).toEqual(['nofollow', 'noopener', 'noreferrer'])
  })

  it('is not guessed from words with a dot', () => {
    expect(draw('Use main.rs or a@b.test').querySelector('a')).toBeNull()
  })
})

describe('an image', () => {
  it('is not loaded before the reader asks for it, and then without telling where it is shown', () => {
    const root = draw('![A cat](https://pic.test/cat.png)')
    expect(root.querySelector('img')).toBeNull()
    expect(root.querySelector('a')).toMatchObject({ href: 'https://pic.test/cat.png', textContent: 'pic.test', target: '_blank' })
    const offer = root.querySelector<HTMLElement>('[data-offer]')
    expect(offer?.querySelector('button')?.textContent).toContain('A cat')
    if (offer) showImage(offer)
    expect(root.querySelector('img')).toMatchObject({ src: 'https://pic.test/cat.png', referrerPolicy: 'no-referrer' })
  })

  it('within a link leaves the link', () => {
    const root = draw('[![A cat](https://pic.test/cat.png)](https://a.test/)')
    expect(root.querySelectorAll('a')).toHaveLength(1)
    expect(root.querySelector('a')).toMatchObject({ href: 'https://a.test/', textContent: 'A cat' })
  })
})

describe('a formula', () => {
  it.each([
    ['\\(a<b\\)', 'a<b', false],
    ['so \\(x\\) is', 'x', false],
    ['\\[a+b\\]', 'a+b', true],
    ['$$\na &= b \\\\\n- c\n$$', 'a &= b \\\\\n- c', true],
    ['- item $$x^2$$', 'x^2', true],
    ['| a |\n|---|\n| \\(c\\) |', 'c', false],
  ])('%s keeps its mark through the sanitising and is set', (text, tex, display) => {
    const setMath = vi.fn<MathSetter>()
    const root = draw(text, setMath)
    expect(root.querySelectorAll('[data-math]')).toHaveLength(1)
    expect(setMath).toHaveBeenCalledExactlyOnceWith(tex, root.querySelector('[data-math]'), display)
  })

  it('shows as its TeX while nothing sets it', () => {
    expect(draw('\\(x^2\\)').querySelector('.math')).toMatchObject({ textContent: 'x^2', dataset: { math: 'inline' } })
  })

  it('is set by KaTeX', () => {
    expect(draw('\\(x^2\\)', katex).querySelector('.katex')?.textContent).toContain('x')
  })

  it('that cannot be read stays as it was written', () => {
    expect(draw('\\(\\frac{1\\)', katex).querySelector('.math-unread')?.textContent).toBe('\\frac{1')
  })

  it('is neither money nor code', () => {
    const setMath = vi.fn<MathSetter>()
    for (const text of ['From $5 to $10', '`$$x$$`', '```\n\\(x\\)\n```', '    $$x$$']) draw(text, setMath)
    expect(setMath).not.toHaveBeenCalled()
  })

  it.each([['$$x$$', true], ['\\(x\\)', true], ['\\[x', true], ['$5 and (x) and [y]', false]])('in %s is foreseen: %s', (text, expected) => {
    expect(hasMath(text)).toBe(expected)
  })
})

describe('a block', () => {
  it('of code is coloured by its language, and stays as it is in an unknown one', () => {
    expect(draw('```js\nconst a = 1\n```').querySelector('.hljs-keyword')?.textContent).toBe('const')
    expect(draw('```JavaScript\nconst a = 1\n```').querySelector('.hljs-keyword')?.textContent).toBe('const')
    expect(draw('```nonsense\nconst a = 1\n```').querySelector('code')?.children).toHaveLength(0)
  })

  it.each([['```js\nx\n```', true], ['- a\n  ```js\n  x\n  ```', true], ['> ~~~ py\n> x', true], ['```\nx\n```', false], ['`js`', false]])(
    'of code in %j is foreseen: %s',
    (text, expected) => {
      expect(hasCode(text)).toBe(expected)
    },
  )

  it.each([
    ['```mermaid\ngraph TD\nA-->B\n```\n', 'graph TD\nA-->B'],
    ['````mermaid\na\n```\nb\n````', 'a\n```\nb'],
    ['```mermaid\ngraph TD\nA-->B', undefined],
    ['```js\nmermaid\n```', undefined],
    ['Text\n```mermaid\na\n```', undefined],
  ])('%j is a diagram only when it is closed and alone', (text, source) => {
    expect(diagramIn(text)).toBe(source)
  })

  it('of code has its language and a copy button', () => {
    const root = draw('```c++\nint a;\n```')
    expect(root.querySelector('.code-bar span')?.textContent).toBe('c++')
    expect(root.querySelector('[data-copy-code]')?.getAttribute('type')).toBe('button')
    expect(root.querySelector('pre')?.textContent).toBe('int a;\n')
  })

  it('of a table scrolls in itself and keeps the alignment of its columns', () => {
    const root = draw('| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |')
    expect(root.querySelector('.table-box > table')).not.toBeNull()
    expect(Array.from(root.querySelectorAll('td'), (cell) => cell.className)).toEqual(['', 'align-center', 'align-right'])
  })

  it('of a list keeps its first number', () => {
    expect(draw('3. c\n4. d').querySelector('ol')?.start).toBe(3)
  })
})

describe('growing nodes', () => {
  function grow(root: HTMLElement, text: string): void {
    morphChildren(root, renderMarkdown(text, { highlight }))
  }

  it('become exactly what they would be if drawn at once, at every step', () => {
    const text = '# Title\n\nSome *words* and `code`\n\n- one\n- two\n\n```js\nconst a = "b"\n```\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n\n![cat](https://pic.test/c.png)\n'
    const root = document.createElement('div')
    for (let length = 1; length <= text.length; length += 1) {
      grow(root, text.slice(0, length))
      expect(root.innerHTML).toBe(draw(text.slice(0, length)).innerHTML)
    }
  })

  it('stay the same objects where they only get longer', () => {
    const root = document.createElement('div')
    grow(root, '```js\nconst a')
    const pre = root.querySelector('pre')
    const word = root.querySelector('.hljs-keyword')
    grow(root, '```js\nconst a = 1\nconst b = 2')
    expect(root.querySelector('pre')).toBe(pre)
    expect(root.querySelector('.hljs-keyword')).toBe(word)
  })

  it('keep an image that was opened', () => {
    const root = document.createElement('div')
    grow(root, '![cat](https://pic.test/c.png) and')
    const offer = root.querySelector<HTMLElement>('[data-offer]')
    if (offer) showImage(offer)
    grow(root, '![cat](https://pic.test/c.png) and more')
    expect(root.querySelector('img')).not.toBeNull()
    expect(root.textContent).toContain('and more')
  })
})
