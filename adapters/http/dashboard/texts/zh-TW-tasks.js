// zh-TW-tasks.js - 任務頁面的文字；名稱與 en-tasks.js 相同。
export default {
};
