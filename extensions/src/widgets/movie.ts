/** The encoders of movies, which the viewer loads when it needs them. */
export { gif, mp4 } from '../components/viewer/take/encoders';
