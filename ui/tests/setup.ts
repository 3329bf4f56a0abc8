// The tests speak English.
import { setLanguage } from '@/i18n'

await setLanguage('en')
