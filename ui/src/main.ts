import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { followSettings } from './features/settings/settings'
import { router } from './router'
import './styles/main.css'

await followSettings()
createApp(App).use(createPinia()).use(router).mount('#app')

// The page opens offline from then on. Where the browser has none (plain http), it works all the same.
if (import.meta.env.PROD && 'serviceWorker' in navigator) void navigator.serviceWorker.register('/sw.js').catch(() => undefined)
