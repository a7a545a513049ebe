"""The source documents' clients for browsers, as they are written there; only addresses differ."""

from functools import partial

import httpx
import pytest
from playwright.sync_api import BrowserContext, expect

from tests.clients.orders import STEPS, Desk
from tests.clients.proxy import Proxy
from tests.clients.served import open_page
from tests.processes import eventually
from tests.whole.reader import Reader

pytestmark = pytest.mark.browser

HEARING = """
const told = window.told = { bars: {}, shown: [], states: [] };
const updateProgressBar = (id, progress) => (told.bars[id] = [...(told.bars[id] ?? []), progress]);
const showNotification = (message, type) => told.shown.push([message, type]);
const updateConnectionStatus = (status) => told.states.push(status);
"""
EVENT_SOURCE = """
const eventSource = new EventSource('/mcp');

eventSource.onmessage = function(event) {
  const data = JSON.parse(event.data);
  
  switch(data.type) {
    case 'progress':
      updateProgressBar(data.task_id, data.progress);
      break;
    case 'notification':
      showNotification(data.message, data.notification_type);
      break;
    case 'status':
      updateConnectionStatus(data.status);
      break;
  }
};

eventSource.onerror = function(event) {
  console.error('SSE connection error:', event);
};
"""  # noqa: W293  # as it is written there
HOOK = """
import { useEffect, useState } from 'react';

function useSSENotifications(url) {
  const [notifications, setNotifications] = useState([]);
  const [progress, setProgress] = useState({});
  
  useEffect(() => {
    const eventSource = new EventSource(url);
    
    eventSource.onmessage = (event) => {
      const data = JSON.parse(event.data);
      
      if (data.type === 'progress') {
        setProgress(prev => ({
          ...prev,
          [data.task_id]: data
        }));
      } else if (data.type === 'notification') {
        setNotifications(prev => [...prev, data]);
      }
    };
    
    return () => eventSource.close();
  }, [url]);
  
  return { notifications, progress };
}
"""  # noqa: W293  # as it is written there
SHOWN = """
import { createElement } from "react";
function Shown() {
  const { notifications, progress } = useSSENotifications("/mcp");
  const tasks = Object.values(progress).map((task) => `${task.task_name} ${task.progress}`);
  return createElement("p", null, [...tasks, ...notifications.map((n) => n.message)].join("; "));
}
ReactDOM.createRoot(document.querySelector("main")).render(createElement(Shown));
"""
POLLING = """
const API_BASE_URL = "/api/v1";
const emitted = window.emitted = [];
const emitOrderUpdate = (...update) => emitted.push(update);
// Poll backend API for status changes
const activeOrders = new Map();

async function pollOrderStatus(orderId) {
  const interval = setInterval(async () => {
    try {
      const response = await fetch(
        `${API_BASE_URL}/orders/${orderId}/track`
      );
      const data = await response.json();
      
      // Check if status changed
      const lastStatus = activeOrders.get(orderId);
      if (lastStatus !== data.status) {
        activeOrders.set(orderId, data.status);
        
        // Emit update to SSE clients
        emitOrderUpdate(orderId, data.status, data.status_message);
        
        // If delivered, stop polling
        if (data.status === 'delivered') {
          clearInterval(interval);
          activeOrders.delete(orderId);
        }
      }
    } catch (error) {
      console.error('Error polling order:', error);
    }
  }, 30000); // Poll every 30 seconds
}
pollOrderStatus(window.given.number);
"""  # noqa: W293  # as it is written there


PROCESS = """
const ProcessEventType = { PROCESS_START: 'process_start', TOOL_SELECTION: 'tool_selection' };
const seen = window.seen = [];

class ProcessManager {
  eventSource = null;
  messageId;

  constructor(messageId) {
    this.messageId = messageId;
  }

  connect() {
    this.eventSource = new EventSource(
      `/api/chat/sse?messageId=${this.messageId}`
    );
    this.setupEventListeners();
  }

  setupEventListeners() {
    if (!this.eventSource) return;

    this.eventSource.onmessage = (event) => {
      const data = JSON.parse(event.data);
      this.handleEvent(data);
    };

    this.eventSource.onerror = (error) => {
      console.error('SSE Error:', error);
      this.disconnect();
    };
  }

  handleEvent(event) {
    seen.push(event);
    // Handle different event types
    switch (event.type) {
      case ProcessEventType.PROCESS_START:
        // Initialize process UI
        break;
      case ProcessEventType.TOOL_SELECTION:
        // Update tool selection status
        break;
      // ... handle other event types
    }
  }

  disconnect() {
    this.eventSource?.close();
    this.eventSource = null;
  }
}
window.manager = new ProcessManager("msg-1");
manager.connect();
"""


def work(address: str) -> None:
    """A task of four steps, told to its caller."""
    arguments = {"task_name": "File Processing", "duration_seconds": 1, "step_count": 4}
    params = {"name": "simulate_progress", "arguments": arguments}
    call = {"jsonrpc": "2.0", "method": "tools/call", "params": params, "id": "2"}
    assert httpx.post(f"{address}/mcp", json=call).status_code == 200


def test_their_event_source_shows_progress_and_notifications(
    calm: Desk, proxy: Proxy, context: BrowserContext
) -> None:
    page = open_page(context, proxy.address, "page.html", script=HEARING + EVENT_SOURCE)
    eventually(lambda: page.evaluate("told.states") == ["connected"])

    work(proxy.address)
    calm.broadcast("System maintenance will begin in 10 minutes")

    expected = ["System maintenance will begin in 10 minutes", "info"]
    eventually(lambda: page.evaluate("told.shown") == [expected])
    eventually(lambda: page.evaluate("Object.values(told.bars)") == [[25, 50, 75, 100]])


def test_their_process_manager_hears_the_steps_of_its_own_message(
    calm: Desk, proxy: Proxy, context: BrowserContext
) -> None:
    """Without the types of TypeScript, which a browser does not read."""
    page = open_page(context, proxy.address, "page.html", script=PROCESS)
    eventually(lambda: page.evaluate("seen.length") == 1)

    calm.tell_step("msg-2", "process_start", step=1, description="Another")
    calm.tell_step("msg-1", "process_start", step=1, totalSteps=2, description="Reading")
    calm.tell_step("msg-1", "tool_selection", step=2, totalSteps=2, progress=50)

    eventually(lambda: page.evaluate("seen.length") == 3)
    connected, started, selected = page.evaluate("seen")
    assert connected["type"] == "connected"
    assert started["data"] == {"step": 1, "totalSteps": 2, "description": "Reading"}
    assert (selected["type"], selected["progress"]) == ("tool_selection", 50)
    assert started["timestamp"] == page.evaluate("Date.parse(seen[1].time)")


def test_their_react_hook_shows_progress_and_notifications(
    calm: Desk, proxy: Proxy, context: BrowserContext
) -> None:
    page = open_page(context, proxy.address, "page.html", script=HOOK + SHOWN)
    eventually(lambda: proxy.streams == 1)

    work(proxy.address)
    calm.broadcast("System maintenance will begin in 10 minutes")

    expect(page.locator("p")).to_have_text(
        "File Processing 100; System maintenance will begin in 10 minutes"
    )


def test_their_poller_tells_every_status_that_it_meets_and_stops(
    calm: Desk, proxy: Proxy, context: BrowserContext
) -> None:
    order = calm.buy()
    context.new_page().goto(f"{proxy.address}/t/{order.ticket}")
    page = open_page(context, proxy.address, "page.html", script=POLLING, number=order.number)
    reader = Reader(page, context)

    def has_told(step: str) -> bool:
        return bool(page.evaluate("emitted.at(-1)?.[1]") == step)

    for step in STEPS:
        if step != "placed":
            calm.advance(order, step)
        reader.pass_time(31)
        eventually(partial(has_told, step))

    told = page.evaluate("emitted")
    assert [status for _number, status, _message in told] == STEPS
    assert all(number == order.number and message for number, _status, message in told)
