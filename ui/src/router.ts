import { createRouter, createWebHistory } from 'vue-router'
import { withTexts } from '@/i18n'
import ConversationPage from '@/features/conversation/ConversationPage.vue'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    // One page for both: sending the first message of a new chat must not take the composer away.
    { path: '/', name: 'new', component: ConversationPage },
    { path: '/chats/:id', name: 'chat', component: ConversationPage },
    { path: '/chats/:id/print', name: 'print', component: withTexts(() => import('@/features/print/PrintPage.vue')) },
    { path: '/admin', name: 'admin', component: withTexts(() => import('@/features/admin/AdminPage.vue')) },
    { path: '/:rest(.*)*', redirect: '/' },
  ],
})
