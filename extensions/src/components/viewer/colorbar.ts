/** The colour bar beside a picture: what the colours stand for, and all that changes them. */
import { h } from '../dom';
import type { Category, ColorMaps } from './colors';
import type { Frame } from './frame';
import { type Limits, type Look, scaleAxis } from './paint/look';
import { createPanel } from './paint/panel';
import { type Box, drawRamp, type Ink, rampBox, type RampContext } from './paint/ramp';
import { type Seen, seenOf } from './paint/seen';
import { formatNumber } from './scale';
import type { ViewState } from './state';

export type LookChange = Partial<Pick<ViewState, 'color_map' | 'limits' | 'scale'>>;

/** What the bar shows beside the look: the map by its name, and the frame that is seen. */
export interface Names {
  name: string;
  maps: ColorMaps;
  frame?: Frame | null;
}

export interface ColorBar {
  /** As wide and tall as it is made; the ramp, its texts and a button find their places in it. */
  readonly element: HTMLElement;
  show(look: Look, units: string, range: Limits | null, names: Names): void;
  /** Draw it into a box of a canvas, or of anything with its rectangles, lines and texts. */
  draw(context: RampContext, box: Box): void;
}

const BUTTON = 26;
const WHEEL = 0.0015;
const LEAST_PART = 0.02;
/** Parts of the ramp, from its ends, that move one limit; the middle moves both. */
const END = 0.25;

export function createColorBar(events: { change(look: LookChange): void }): ColorBar {
  return new Bar(events.change);
}

class Bar implements ColorBar {
  private readonly canvas = h('canvas', { class: 'portal-bar-ramp', 'aria-hidden': 'true' });
  private readonly high = handle('Upper limit of the colours');
  private readonly low = handle('Lower limit of the colours');
  private readonly open = h(
    'button',
    { type: 'button', class: 'portal-button portal-bar-open', 'aria-haspopup': 'dialog', 'aria-expanded': 'false' },
    'Colours'
  );
  private readonly panel = createPanel({
    map: name => this.change({ color_map: name }),
    limits: limits => this.change({ limits }),
    scale: scale => this.change({ scale }),
    fit: () => this.fit(),
    reset: () => this.change({ color_map: null, limits: null, scale: null })
  });
  readonly element = h('div', { class: 'portal-bar', role: 'group', 'aria-label': 'Colours' });
  private shown: { look: Look; units: string; range: Limits | null; names: Names } | null = null;
  private seen: { of: Frame; seen: Seen } | null = null;

  constructor(private readonly change: (look: LookChange) => void) {
    this.element.append(this.canvas, this.high, this.low, this.open, this.panel.element);
    this.open.addEventListener('click', () => this.panel.element.togglePopover());
    this.panel.element.addEventListener('toggle', event => this.toggled(event as ToggleEvent));
    this.canvas.addEventListener('pointerdown', event => this.drag(event));
    this.canvas.addEventListener('dblclick', () => this.change({ limits: null }));
    this.canvas.addEventListener('wheel', event => this.wheel(event), { passive: false });
    this.high.addEventListener('keydown', event => this.key(event, 1));
    this.low.addEventListener('keydown', event => this.key(event, 0));
    new ResizeObserver(() => this.paint()).observe(this.element);
  }

  show(look: Look, units: string, range: Limits | null, names: Names): void {
    this.shown = { look, units, range, names };
    this.element.setAttribute('data-portal-look', JSON.stringify([names.name, look.limits, look.scale]));
    const plain = look.categories !== undefined;
    [this.low, this.high].forEach((node, i) => {
      node.hidden = plain;
      node.setAttribute('aria-valuenow', String(look.limits[i]));
      node.setAttribute('aria-valuetext', `${formatNumber(look.limits[i])} ${units}`.trim());
    });
    this.paint();
    if (this.panel.element.matches(':popover-open')) {
      this.showPanel();
    }
  }

  draw(context: RampContext, box: Box): void {
    if (this.shown) {
      const { look, units, range, names } = this.shown;
      const categories: readonly Category[] = names.frame?.header.categories ?? [];
      drawRamp(context, box, look, inkOf(this.element), { units, range, categories });
    }
  }

  /** The bar's own box; the button lies below what is drawn. */
  private get box(): Box {
    const { clientWidth, clientHeight } = this.element;
    return { left: 0, top: 0, width: clientWidth || 84, height: Math.max(40, clientHeight - BUTTON) };
  }

  private get ramp(): Box {
    return rampBox(this.box, this.shown?.units ?? '');
  }

  private paint(): void {
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    const { width, height } = this.box;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    const context = this.canvas.getContext('2d')!;
    context.scale(ratio, ratio);
    this.draw(context, this.box);
    const { top, height: tall } = this.ramp;
    this.high.style.top = `${top}px`;
    this.low.style.top = `${top + tall}px`;
  }

  private showPanel(): void {
    if (this.shown) {
      const { look, units, names } = this.shown;
      this.panel.show({ look, units, ...names, seen: this.seenNow });
    }
  }

  /** What is seen; found once for a frame, and only when somebody asks. */
  private get seenNow(): Seen | null {
    const frame = this.shown?.names.frame;
    if (!frame) {
      return null;
    }
    if (this.seen?.of !== frame) {
      this.seen = { of: frame, seen: seenOf(frame.cells, frame.header.encoding) };
    }
    return this.seen.seen;
  }

  private toggled(event: ToggleEvent): void {
    const open = event.newState === 'open';
    this.open.setAttribute('aria-expanded', String(open));
    if (open) {
      this.showPanel();
      this.place();
    }
  }

  /** Beside the bar, inside of the window. */
  private place(): void {
    const { element } = this.panel;
    const at = this.element.getBoundingClientRect();
    const { width, height } = element.getBoundingClientRect();
    const left = at.left - width - 6 >= 4 ? at.left - width - 6 : Math.max(4, window.innerWidth - width - 4);
    const top = Math.max(4, Math.min(at.top, window.innerHeight - height - 4));
    Object.assign(element.style, { left: `${left}px`, top: `${top}px` });
  }

  /** The range of what is seen; about zero where the limits are, above it for a logarithm. */
  private fit(): void {
    const seen = this.seenNow;
    if (!this.shown || !seen?.range) {
      return;
    }
    const { limits, scale } = this.shown.look;
    let [low, high] = seen.range;
    if (limits[0] === -limits[1] && low < 0 && high > 0) {
      high = Math.max(-low, high);
      low = -high;
    } else if (scale === 'log' && seen.positive !== null) {
      low = Math.max(seen.positive, high * 1e-6);
    }
    if (low === high) {
      const reach = Math.abs(low) * 1e-3 || 1;
      [low, high] = [low - reach, high + reach];
    }
    this.change({ limits: [low, high] });
  }

  private limit(limits: Limits): void {
    if (limits.every(Number.isFinite) && limits[0] < limits[1]) {
      this.change({ limits });
    }
  }

  private drag(event: PointerEvent): void {
    const { ramp, shown } = this;
    if (!shown || shown.look.categories || event.button !== 0) {
      return;
    }
    event.preventDefault();
    const axis = scaleAxis(shown.look.limits, shown.look.scale);
    const from = (event.offsetY - ramp.top) / ramp.height;
    const which = from < END ? 'high' : from > 1 - END ? 'low' : 'both';
    const start = event.clientY;
    const moved = ({ clientY }: PointerEvent) => {
      const by = (clientY - start) / ramp.height;
      const rest = (part: number) => Math.min(1 - LEAST_PART, part);
      if (which === 'high') {
        this.limit([axis.limits[0], axis.value(1 - rest(by))]);
      } else if (which === 'low') {
        this.limit([axis.value(rest(-by)), axis.limits[1]]);
      } else {
        this.limit([axis.value(by), axis.value(1 + by)]);
      }
    };
    const { canvas } = this;
    canvas.setPointerCapture(event.pointerId);
    canvas.addEventListener('pointermove', moved);
    canvas.addEventListener('lostpointercapture', () => canvas.removeEventListener('pointermove', moved), { once: true });
  }

  /** More or less contrast about the value under the pointer. */
  private wheel(event: WheelEvent): void {
    const { ramp, shown } = this;
    if (!shown || shown.look.categories || event.ctrlKey) {
      return;
    }
    event.preventDefault();
    const axis = scaleAxis(shown.look.limits, shown.look.scale);
    const at = Math.min(1, Math.max(0, 1 - (event.offsetY - ramp.top) / ramp.height));
    const factor = Math.exp(Math.max(-300, Math.min(300, event.deltaY)) * WHEEL);
    this.limit([axis.value(at - at * factor), axis.value(at + (1 - at) * factor)]);
  }

  private key(event: KeyboardEvent, end: 0 | 1): void {
    const steps: Record<string, number> = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };
    const step = steps[event.key];
    if (!this.shown || !step) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const axis = scaleAxis(this.shown.look.limits, this.shown.look.scale);
    const limits: Limits = [...axis.limits];
    limits[end] = axis.value(end + step / 100);
    this.limit(limits);
  }
}

function handle(name: string): HTMLElement {
  return h('div', {
    class: 'portal-bar-handle',
    role: 'slider',
    tabindex: '0',
    'aria-label': name,
    'aria-orientation': 'vertical',
    'data-lm-suppress-shortcuts': 'true'
  });
}

function inkOf(element: HTMLElement): Ink {
  const style = getComputedStyle(element);
  return {
    ink: style.color || '#222',
    faint: style.getPropertyValue('--portal-viewer-line').trim() || '#888',
    font: `11px ${style.fontFamily || 'sans-serif'}`
  };
}
