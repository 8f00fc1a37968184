declare module 'd3-geo-projection' {
  import type { GeoRawProjection } from 'd3-geo';

  export const geoRobinsonRaw: GeoRawProjection;
}
