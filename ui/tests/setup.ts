// The tests speak English.
import { setLanguage, withTexts } from '@/i18n'

await setLanguage('en')
await withTexts(() => Promise.resolve())()
