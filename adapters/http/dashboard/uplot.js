// uplot.js - the library for charts: a module of its own, loaded when the first chart is shown.
export { default } from 'uplot';
