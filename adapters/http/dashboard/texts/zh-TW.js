// zh-TW.js - the texts in Traditional Chinese as written in Taiwan; the same names as en.js.
import tasks from './zh-TW-tasks.js';

export default {
	menu: '選單', skip: '跳到主要內容', language: '語言', messages: '訊息',
	scheme: '色彩', 'scheme.auto': '跟隨系統', 'scheme.light': '淺色', 'scheme.dark': '深色',
	role: '角色', 'role.read': '唯讀', 'role.write': '操作員', 'role.admin': '管理員',
	logout: '登出', login: '登入', close: '關閉', cancel: '取消', retry: '再試一次', reload: '重新載入',
	loading: '載入中', none: '沒有可顯示的項目。', 'not-available': '此伺服器不提供這項資料。',
	time: '時間', 'time.ago': '{span}前', all: '全部', filter: '篩選', name: '名稱',
	broken: '此頁面發生錯誤。', 'no-page': '沒有這個頁面。',
	'error.unreachable': '伺服器沒有回應，畫面上的資料可能不是最新的。',
	'error.stale': '無法重新讀取，資料可能不是最新的。',

	'live.connecting': '連線中', 'live.live': '即時更新', 'live.lost': '已斷線', 'live.paused': '已暫停',
	'live.retry': '立即連線',

	'page.overview': '總覽', 'page.tasks': '任務', 'page.skalds': 'Skald', 'page.alerts': '警報',
	'page.health': '健康狀態',

	'state.Created': '等待中', 'state.Assigning': '指派中', 'state.Running': '執行中', 'state.Paused': '已暫停',
	'state.Finished': '已完成', 'state.Failed': '失敗', 'state.Cancelled': '已取消',
	'state.online': '上線', 'state.draining': '排空中', 'state.offline': '離線',
	'state.firing': '觸發中', 'state.acknowledged': '已確認', 'state.resolved': '已解除',
	'state.critical': '嚴重', 'state.warning': '警告', 'state.ok': '正常回應', 'state.failed': '沒有回應',

	'login.why': '此伺服器需要權杖。', 'login.token': '權杖',
	'login.hint': '只保留到此分頁關閉為止。可用 `skalds token new` 產生。',
	'login.wrong': '伺服器不認得這個權杖。',
	...tasks,
};
