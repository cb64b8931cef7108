/** The words of a text as places to stand on: a cursor moves, extends and snaps by them. */

export class Tokens {
  /** @param {[number, number][]} edges start and end of each token, in order */
  constructor(edges) {
    this.edges = edges;
  }

  get empty() {
    return this.edges.length === 0;
  }

  /** Index of the first token that ends after `point`. */
  from(point) {
    let low = 0;
    let high = this.edges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.edges[middle][1] <= point) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  first() {
    return this.range(0);
  }

  last() {
    return this.range(this.edges.length - 1);
  }

  after(point) {
    return this.range(this.from(point));
  }

  /** The token that lies wholly before `point`, or the first. */
  before(point) {
    let index = this.from(point);
    while (index > 0 && (index >= this.edges.length || this.edges[index][1] > point)) index -= 1;
    return this.range(index);
  }

  at(point) {
    return this.range(this.from(point));
  }

  range(index) {
    const [start, end] = this.edges[Math.max(0, Math.min(index, this.edges.length - 1))];
    return { start, end };
  }

  /** The whole tokens that a range touches; null when it touches none. */
  snap({ start, end }) {
    const first = this.from(start);
    let last = this.from(end);
    if (last >= this.edges.length || this.edges[last][0] >= end) last -= 1;
    if (first > last) return null;
    return { start: this.edges[first][0], end: this.edges[last][1] };
  }

  /** The next edge right of `point` at which a span may end, or left of it at which one may end. */
  nextEnd(point) {
    const index = this.from(point);
    return index < this.edges.length ? this.edges[index][1] : point;
  }

  previousEnd(point) {
    for (let i = Math.min(this.from(point), this.edges.length - 1); i >= 0; i -= 1) {
      if (this.edges[i][1] < point) return this.edges[i][1];
    }
    return point;
  }

  nextStart(point) {
    for (let i = this.from(point); i < this.edges.length; i += 1) {
      if (this.edges[i][0] > point) return this.edges[i][0];
    }
    return point;
  }

  previousStart(point) {
    for (let i = Math.min(this.from(point), this.edges.length - 1); i >= 0; i -= 1) {
      if (this.edges[i][0] < point) return this.edges[i][0];
    }
    return point;
  }
}
