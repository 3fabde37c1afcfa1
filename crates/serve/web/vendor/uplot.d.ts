// Types are not checked across this border.
declare const uPlot: any;
export default uPlot;
