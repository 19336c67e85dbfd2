// en-tasks.js - the texts of the pages of tasks.
export default {
};
