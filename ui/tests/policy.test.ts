// @vitest-environment node
// The page's Content-Security-Policy, which whoever serves the page must send: chat-api in a local run, nginx in a cluster.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
const ofNginx = /add_header Content-Security-Policy "([^"]+)"/.exec(read('images/nginx.conf'))?.[1] ?? ''
const service = read('chat-api/src/main/java/dev/parley/api/ui/UiService.java')
const constant = service.slice(service.indexOf('String POLICY'), service.indexOf('String INDEX'))
const ofApi = Array.from(constant.matchAll(/"([^"]*)"/g), (match) => match[1]).join('')

describe('the policy of the page', () => {
  it('is the same whoever serves it', () => {
    expect(ofApi).not.toBe('')
    expect(ofNginx).toBe(ofApi)
  })

  it('lets in no script but the page\'s own files', () => {
    const directives = new Map(ofNginx.split(';').map((each) => [each.trim().split(' ')[0], each.trim().split(' ').slice(1)]))
    expect(directives.get('default-src')).toEqual(["'none'"])
    expect(directives.get('script-src')).toEqual(["'self'"])
    expect(directives.get('base-uri')).toEqual(["'none'"])
    expect(directives.get('form-action')).toEqual(["'self'"])
    expect(directives.get('frame-ancestors')).toEqual(["'none'"])
  })
})
