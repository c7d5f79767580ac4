export const html: (strings: TemplateStringsArray, ...values: unknown[]) => any;
export const render: (tree: unknown, parent: Element) => void;
export const useState: <T>(first: T) => [T, (next: T) => void];
export const useEffect: (effect: () => unknown, inputs?: unknown[]) => void;
export const useLayoutEffect: (effect: () => unknown, inputs?: unknown[]) => void;
export const useRef: <T>(first: T) => { current: T };
