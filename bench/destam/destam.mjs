// The workloads of internal/acceptance/destam_bench_test.go for destam itself,
// under the same names: {name: [median, shortest]} in ns an operation, as JSON.
//
//	DESTAM=path/to/a/checkout node --expose-gc destam.mjs [beginning of names]
//
// A sample is so many operations, its setup is not timed, and every set writes
// a value that was never there before.
import {resolve} from 'path';
import {pathToFileURL} from 'url';

const root = pathToFileURL(resolve(process.env.DESTAM)).href;
const {OObject, OArray, Observer, createNetwork, Network} = await import(root + '/index.js');
const {clone, stringify} = await import(root + '/tests/util.js');

const results = {}, now = () => Number(process.hrtime.bigint());
let seq = 0;

const only = process.argv[2] ?? '';

function bench(name, ops, setup, run) {
	if (!name.startsWith(only)) return;
	const sample = () => {
		const made = setup();
		if (!setup.once) globalThis.gc?.(); // its garbage is not the sample's
		const start = now();
		run(made);
		const took = now() - start;
		made.done?.();
		return took;
	};
	for (let n = 0, start = now(); n < 5 || (now() - start < 100e6 && n < 100); n++) sample();
	const samples = [];
	for (let total = 0, start = now(); samples.length < 20 || total < 150e6; ) {
		if (samples.length >= 20 && now() - start > 1e9 || samples.length >= 3000) break;
		const took = sample();
		total += took;
		samples.push(took / ops);
	}
	samples.sort((a, b) => a - b);
	results[name] = [samples[samples.length >> 1], samples[0]];
}

// once makes something for all samples.
const once = make => { let made; return Object.assign(() => made ??= make(), {once: true}); };
const props = (n, value) => { const o = OObject(); for (let i = 0; i < n; i++) o['k' + i] = value; return o; };

// Reading and setting one value.
const sets = 10000;
const one = () => ({o: OObject({x: 0})});
const setAll = ({o}) => { for (let i = 0; i < sets; i++) o.x = ++seq; };
bench('get/no-listener', sets, once(one), ({o}) => { let s = 0; for (let i = 0; i < sets; i++) s += o.x; return s; });
bench('set/no-listener', sets, once(one), setAll);
bench('set/1-listener-same-object', sets, once(() => { const made = one(); made.o.observer.watch(() => {}); return made; }), setAll);
const deep = listen => once(() => {
	const o = OObject({x: 0}), top = OObject({a: OObject({b: OObject({c: o})})});
	listen(top);
	return {o, top};
});
bench('set/1-root-listener-leaf-depth3', sets, deep(t => t.observer.watch(() => {})), setAll);
bench('set/1-path-listener-leaf-depth3', sets, deep(t => t.observer.path(['a', 'b', 'c', 'x']).watch(() => {})), setAll);
bench('set/1-root-listener-reads-path-leaf-depth3', sets, deep(t => { let n = 0; t.observer.watch(e => { n += e.path.length; }); }), setAll);
bench('set/10-root-listeners-leaf-depth3', sets, deep(t => { for (let i = 0; i < 10; i++) t.observer.watch(() => {}); }), setAll);

// Under a digest that is flushed every thousand sets.
for (const n of [1, 100, 1000]) bench(`set/digest-flush-every-1000/${n}-props`, sets, once(() => {
	const o = props(n, 0), keys = Object.keys(o), net = createNetwork(o.observer);
	let bytes = 0;
	return {o, keys, digest: net.digest(c => { bytes += c.length; })};
}), ({o, keys, digest}) => {
	for (let i = 0; i < sets; i++) { o[keys[i % n]] = ++seq; if (i % 1000 === 999) digest.flush(); }
});

bench('insert+delete/no-listener', 1000, once(() => ({o: OObject()})), ({o}) => {
	for (let i = 0; i < 1000; i++) { o['k' + i] = i; delete o['k' + i]; }
});

// Arrays.
const array = (name, ops, size, watched, op) => bench(`array/${name}/${size / 1000}k${watched ? '+1-listener' : ''}`, ops, () => {
	const a = OArray(Array.from({length: size}, (_, i) => i));
	if (watched) a.observer.watch(() => {});
	return {a};
}, ({a}) => { for (let i = 0; i < ops; i++) op(a, i); });
const push = (a, i) => a.push(i), middle = (a, i) => a.splice(a.length >> 1, 0, i);
for (const size of [1000, 10000, 100000]) {
	array('push', 100, size, false, push);
	array('push-steady-10000', 10000, size, false, push);
	array('insert-middle', 100, size, false, middle);
	array('insert-random', 100, size, false, (a, i) => a.splice(Math.floor(Math.random() * a.length), 0, i));
	array('remove-middle', 100, size, false, a => a.splice(a.length >> 1, 1));
	array('set-index', 100, size, false, (a, i) => { a[i * 7919 % size] = ++seq + 1e9; });
}
array('push', 100, 10000, true, push);
array('insert-middle', 100, 10000, true, middle);

// Applying to a copy what was made elsewhere, by delta.
const commitOf = (src, change) => { let c; const stop = src.observer.watchCommit(x => { c = x; }); Network.atomic(change); stop(); return c; };
const applying = (make, change) => () => {
	const src = make(), copy = clone(src), net = createNetwork(copy.observer);
	return {net, commit: clone(commitOf(src, () => change(src))), done: () => net.remove()};
};
const apply = ({net, commit}) => net.apply(commit);
const setProps = src => { for (let i = 0; i < 1000; i++) src['k' + i] = i + 1; };
bench('apply/1000-modify-commit', 1000, applying(() => props(1000, 0), setProps), apply);
bench('apply/1000-insert-commit', 1000, applying(OObject, setProps), apply);
bench('apply/1000-array-insert-commit', 1000, applying(OArray, a => a.push(...Array.from({length: 1000}, (_, i) => i))), apply);
bench('apply/1000-single-delta-commits', 1000, () => {
	const src = props(1000, 0), copy = clone(src), net = createNetwork(copy.observer), commits = [];
	const stop = src.observer.watchCommit(c => commits.push(clone(c)));
	setProps(src);
	stop();
	return {net, commits, done: () => net.remove()};
}, ({net, commits}) => { for (const c of commits) net.apply(c); });
bench('sync-loop/1000-props', 1000, once(() => {
	const src = props(1000, 0), copy = clone(src), to = createNetwork(copy.observer), from = createNetwork(src.observer);
	return {src, digest: from.digest((c, observerRefs) => { to.apply(clone(c, {observerRefs, observerNetwork: to})); })};
}), ({src, digest}) => { for (let i = 0; i < 1000; i++) src['k' + i] = ++seq; digest.flush(); });

// Whole trees.
const tree = once(() => {
	const o = OObject();
	for (let i = 0; i < 10; i++) { const a = o['a' + i] = OObject(); for (let j = 0; j < 10; j++) { const b = a['b' + j] = OObject(); for (let k = 0; k < 10; k++) b['c' + k] = k; } }
	return {o};
});
bench('watch+unwatch/root-of-111-object-tree', 100, tree, ({o}) => { for (let i = 0; i < 100; i++) o.observer.watch(() => {})(); });
bench('createNetwork+remove/111-object-tree', 1, tree, ({o}) => { createNetwork(o.observer).remove(); });
bench('encode/tree-10x10x10', 1, tree, ({o}) => stringify(o));
bench('watch/1000-listeners-on-root-of-chain-100', 1000, () => {
	let o = OObject();
	for (let i = 0; i < 100; i++) o = OObject({o});
	const stops = [];
	return {o, stops, done: () => stops.forEach(stop => stop())};
}, ({o, stops}) => { for (let i = 0; i < 1000; i++) stops.push(o.observer.watch(() => {})); });

// Values without a document, again and again with the same lenses. What is got
// is got of sixteen by turns, because from one alone V8 may take the value
// out of the loop, and goes into a sink, so that nothing leaves the getting out.
let sink = 0;
const several = 16;
const cell = () => Observer.mutable(0);
const watched = (src, n, ...cells) => { for (let i = 0; i < n; i++) src.watch(() => {}); return {src, cells}; };
const setCells = ({cells}) => { for (let i = 0; i < sets; i++) cells[i % cells.length].set(++seq); };
const getAll = srcs => { for (let i = 0; i < sets; i++) sink += srcs[i % several].get(); };
const itself = x => x;
const heavy = x => { let acc = 0; for (let i = 0; i < 1000; i++) acc += Math.sqrt(x + i); return acc; };
const sums = memo => {
	const cells = Array.from({length: 10}, cell), sum = Observer.all(cells).map(vs => vs.reduce((a, b) => a + b, 0));
	return {cells, l: memo ? sum.memo() : sum};
};
bench('observe/get', sets, once(() => Array.from({length: several}, (_, i) => Observer.mutable(i + 0.5))), getAll);
for (const n of [0, 1, 10, 100]) bench(`observe/set/${n}-listeners`, sets, once(() => { const c = cell(); return watched(c, n, c); }), setCells);
bench('observe/watch+stop', sets, once(() => ({src: cell()})), ({src}) => { for (let i = 0; i < sets; i++) src.watch(() => {})(); });
bench('observe/selector/1000-lenses', sets, once(() => {
	const c = cell(), at = c.selector();
	for (let i = 0; i < 1000; i++) at(i).watch(() => {});
	return {c};
}), ({c}) => { for (let i = 0; i < sets; i++) c.set(++seq % 1000); });
for (const n of [1, 100]) {
	bench(`observe/map/${n}-watchers`, sets, once(() => { const c = cell(); return watched(c.map(itself), n, c); }), setCells);
	bench(`observe/map+memo/${n}-watchers`, sets, once(() => { const c = cell(); return watched(c.map(itself).memo(), n, c); }), setCells);
}
for (const memo of [false, true]) bench(`observe/all-10/100-watchers/memo-${memo}`, sets, once(() => {
	const {l, cells} = sums(memo);
	return watched(l, 100, ...cells);
}), setCells);
bench('observe/memo/get', sets, once(() => Array.from({length: several}, (_, i) => watched(Observer.mutable(i).map(heavy).memo(), 1).src)), getAll);

// What bench/memo.js measures between setup and cleanup of many passes, each
// with lenses of its own, by mutation or get. But for its last two workloads
// ten mutations are enough, not a hundred.
const pass = (name, ops, setup, run) => bench('observe/memo.js/' + name, ops, Object.assign(setup, {once: true}), run);
const attached = (l, n, more) => {
	const stops = Array.from({length: n}, () => l.watch(() => {}));
	return {l, ...more, done: () => stops.forEach(stop => stop())};
};
const made = (c, f, memo) => { const l = c.map(f); return memo ? l.memo() : l; };
const get = (l, n) => { for (let i = 0; i < n; i++) sink += l.get(); };
for (const n of [1, 100]) for (const memo of [false, true]) for (const [name, f] of [['cheap', itself], ['heavy', heavy]]) {
	pass(`${name}/${n}-watchers/memo-${memo}`, 100, () => { const c = Observer.mutable(-1); return attached(made(c, f, memo), n, {c}); },
		({c}) => { for (let i = 0; i < 100; i++) c.set(i); });
}
for (const memo of [false, true]) pass(`all-10/100-watchers/memo-${memo}`, 100, () => { const {l, cells} = sums(memo); return attached(l, 100, {cells}); },
	({cells}) => { for (let i = 0; i < 100; i++) cells[i % cells.length].set(i + 1); });
pass('current-selection/100-watchers', 100, () => {
	const selected = Observer.mutable(OObject({val: 0}));
	return attached(selected.memo(), 100, {selected});
}, ({selected}) => { for (let i = 0; i < 100; i++) selected.get().val = i + 1; });
for (const [name, memo, n] of [['', false, 0], ['+memo', true, 0], ['+memo+1-watcher', true, 1]]) {
	pass('gets' + name, 1000, () => attached(made(Observer.mutable(0), heavy, memo), n), ({l}) => get(l, 1000));
	if (memo && !n) continue;
	pass('set+1000-gets' + name, 10000, () => { const c = Observer.mutable(-1); return attached(made(c, heavy, memo), n, {c}); },
		({c, l}) => { for (let i = 0; i < 10; i++) { c.set(i); get(l, 1000); } });
}
if (sink === 0.1) console.error(sink); // never, which nobody knows

console.log(JSON.stringify(results));
