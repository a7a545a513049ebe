// What one run of the assistant is at: `currentProcess {step, totalSteps, description, progress,
// status}`, and whoever wants to know. Steps of one moment are told together, in one frame.

const NOTHING = Object.freeze({
  step: 0,
  totalSteps: 0,
  description: "",
  progress: 0,
  status: "idle",
});
const STATUS = { process_complete: "complete", error: "error" };

export class ProcessStore {
  constructor() {
    this.currentProcess = NOTHING;
    this.listeners = new Set();
    this.frame = 0;
  }

  // returns how to stop listening
  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // an event of ProcessManager; progress and step never fall
  updateProcessStatus({ type, data }) {
    const now = this.currentProcess;
    this.currentProcess = {
      step: Math.max(now.step, data.step ?? 0),
      totalSteps: Math.max(now.totalSteps, data.totalSteps ?? 0),
      description: data.description ?? now.description,
      progress: Math.max(now.progress, data.progress ?? 0),
      status: STATUS[type] ?? "running",
    };
    this.tell();
  }

  resetProcess() {
    this.currentProcess = NOTHING;
    this.tell();
  }

  tell() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      for (const listener of this.listeners) listener(this.currentProcess);
    });
  }
}
