import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { followSettings } from './features/settings/settings'
import { router } from './router'
import './styles/main.css'

await followSettings()
createApp(App).use(createPinia()).use(router).mount('#app')
