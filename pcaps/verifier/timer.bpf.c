/*
 * What may be done with a timer in a map's value, and what may not: each program is
 * one case for the verifier. timer.tsv has the kernel's answers.
 */
#include "../programs/packet.h"

#define CLOCK_MONOTONIC 1

struct timed {
	__u64 counter;
	struct bpf_timer timer;
	__u32 state;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct timed);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct timed);
} hash SEC(".maps"), hash2 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct timed);
} lru SEC(".maps");

/* these may not have timers: libbpf makes them without types */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct timed);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct timed);
} lpm SEC(".maps");

struct plain {
	__u64 counter;
	__u64 timer[2];
	__u64 state;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct plain);
} plain SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 32);
} untyped SEC(".maps");

struct both {
	struct bpf_spin_lock lock;
	struct bpf_timer timer;
	__u64 counter;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct both);
} both SEC(".maps");

struct two {
	struct bpf_timer one;
	struct bpf_timer other;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct two);
} two SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct bpf_timer[3]);
} timers SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct timed);
} in_one SEC(".maps"), in_two SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { &in_one, &in_two },
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} programs SEC(".maps");

static struct timed *find(void *map, __u32 key)
{
	return bpf_map_lookup_elem(map, &key);
}

/* --- callbacks */

static int again(void *map, __u32 *key, struct timed *v)
{
	v->counter++;
	bpf_timer_start(&v->timer, 1000, 0);
	return 0;
}

static int reads_key(void *map, __u32 *key, struct timed *v)
{
	v->counter += *key;
	return 0;
}

static int writes_key(void *map, __u32 *key, struct timed *v)
{
	*key = 1;
	return 0;
}

static int returns_one(void *map, __u32 *key, struct timed *v)
{
	return 1;
}

static int returns_counter(void *map, __u32 *key, struct timed *v)
{
	return v->counter;
}

static void *returns_value(void *map, __u32 *key, struct timed *v)
{
	return v;
}

static int reads_behind_value(void *map, __u32 *key, struct timed *v)
{
	return (&v->counter)[4] * 0;
}

static int reads_timer(void *map, __u32 *key, struct timed *v)
{
	return *(volatile __u64 *)&v->timer & 0;
}

static int deletes_itself(void *map, __u32 *key, struct timed *v)
{
	bpf_map_delete_elem(map, key);
	return 0;
}

static int sets_callback_again(void *map, __u32 *key, struct timed *v)
{
	bpf_timer_set_callback(&v->timer, reads_key);
	bpf_timer_start(&v->timer, 1000, 0);
	return 0;
}

static int sets_itself(void *map, __u32 *key, struct timed *v)
{
	bpf_timer_set_callback(&v->timer, sets_itself);
	bpf_timer_start(&v->timer, 1000, 0);
	return 0;
}

static int loops_forever(void *map, __u32 *key, struct timed *v)
{
	for (;;)
		asm volatile("");
	return 0;
}

static int looks_up(void *map, __u32 *key, struct timed *v)
{
	struct timed *w = find(&hash2, *key);

	if (w)
		w->counter++;
	return 0;
}

static int keeps_lock(void *map, __u32 *key, struct both *v)
{
	bpf_spin_lock(&v->lock);
	return 0;
}

static int locks(void *map, __u32 *key, struct both *v)
{
	bpf_spin_lock(&v->lock);
	v->counter++;
	bpf_spin_unlock(&v->lock);
	return 0;
}

static __noinline int helper_function(struct timed *v)
{
	volatile char room[300] = {};

	v->counter += room[v->state & 255];
	return 0;
}

static int deep(void *map, __u32 *key, struct timed *v)
{
	volatile char room[400] = {};

	v->counter += room[v->state & 255];
	return 0;
}

static int too_deep(void *map, __u32 *key, struct timed *v)
{
	volatile char room[300] = {};

	v->counter += room[v->state & 255];
	helper_function(v);
	return 0;
}

static int ends_by_tail_call(struct xdp_md *map, __u32 *key, struct timed *v)
{
	bpf_tail_call(map, &programs, 0);
	return 0;
}

__noinline int global_callback(void *map, __u32 *key, struct timed *v)
{
	return 0;
}

#define CASE(name, body)						\
	SEC("xdp") int name(struct xdp_md *ctx)				\
	{								\
		__u32 zero = 0;						\
		struct timed *v = find(&hash, 1);			\
		(void)zero;						\
		if (!v)							\
			return XDP_PASS;				\
		body;							\
		return XDP_PASS;					\
	}

#define INIT bpf_timer_init(&v->timer, &hash, CLOCK_MONOTONIC)
#define START bpf_timer_start(&v->timer, 1000000, 0)
#define SET(callback) bpf_timer_set_callback(&v->timer, callback)

CASE(ok, INIT; SET(again); START)
CASE(ok_cancel, return bpf_timer_cancel(&v->timer))
CASE(ok_results, if (INIT) return 1; if (SET(again)) return 2; if (START) return 3)
CASE(ok_any_flags, bpf_timer_init(&v->timer, &hash, v->counter); bpf_timer_start(&v->timer, v->counter, v->counter))
CASE(set_without_init, SET(reads_key); START)
CASE(key_is_read, INIT; SET(reads_key); START)
CASE(key_is_written, INIT; SET(writes_key); START)
CASE(one_is_returned, INIT; SET(returns_one); START)
CASE(counter_is_returned, INIT; SET(returns_counter); START)
CASE(value_is_returned, INIT; SET(returns_value); START)
CASE(behind_value_is_read, INIT; SET(reads_behind_value); START)
CASE(timer_is_read, INIT; SET(reads_timer); START)
CASE(itself_is_deleted, INIT; SET(deletes_itself); START)
CASE(callback_is_set_again, INIT; SET(sets_callback_again); START)
CASE(callback_sets_itself, INIT; SET(sets_itself); START)
CASE(callback_loops_forever, INIT; SET(loops_forever); START)
CASE(callback_looks_up, INIT; SET(looks_up); START)
CASE(callback_is_deep, volatile char room[300] = {}; v->counter += room[v->state & 255]; INIT; SET(deep); START)
CASE(callback_is_too_deep, INIT; SET(too_deep); START)
CASE(callback_makes_tail_call, INIT; SET(ends_by_tail_call); START)
CASE(callback_is_called, INIT; SET(deep); deep(&hash, &zero, v))
CASE(callback_is_global, INIT; SET(global_callback); START)
CASE(two_callbacks, INIT; if (v->counter & 1) SET(reads_key); else SET(looks_up); START)
CASE(no_function, INIT; bpf_timer_set_callback(&v->timer, (void *)v))
CASE(other_map, bpf_timer_init(&v->timer, &hash2, CLOCK_MONOTONIC))
CASE(wrong_offset, bpf_timer_init((void *)v, &hash, CLOCK_MONOTONIC))
CASE(behind, bpf_timer_init((void *)&v->state, &hash, CLOCK_MONOTONIC))
CASE(variable_offset, __u64 at = v->counter & 8; barrier();
     bpf_timer_init((void *)v + at, &hash, CLOCK_MONOTONIC))
CASE(read_directly, return *(volatile __u64 *)&v->timer & 1)
CASE(written_directly, *(volatile __u32 *)((char *)&v->timer + 12) = 0)
CASE(copied, bpf_map_update_elem(&plain, &zero, v, 0))
CASE(no_timer_in_value, struct plain *w = (void *)find(&plain, 1); if (!w) return 0;
     bpf_timer_init((void *)&w->timer, &plain, CLOCK_MONOTONIC))
CASE(no_types, struct timed *w = find(&untyped, 1); if (!w) return 0;
     bpf_timer_init(&w->timer, &untyped, CLOCK_MONOTONIC))
CASE(percpu_value, struct timed *w = find(&percpu, 1); if (!w) return 0;
     bpf_timer_init(&w->timer, &percpu, CLOCK_MONOTONIC))
CASE(percpu_value_read, struct timed *w = find(&percpu, 1); if (!w) return 0;
     return *(volatile __u32 *)&w->timer)
CASE(lpm_value, __u64 k = 32; struct timed *w = bpf_map_lookup_elem(&lpm, &k); if (!w) return 0;
     bpf_timer_init(&w->timer, &lpm, CLOCK_MONOTONIC))
CASE(lru_value, struct timed *w = find(&lru, 1); if (!w) return 0;
     bpf_timer_init(&w->timer, &lru, CLOCK_MONOTONIC);
     bpf_timer_set_callback(&w->timer, again); bpf_timer_start(&w->timer, 1, 0))
CASE(array_value, struct timed *w = find(&array, 1); if (!w) return 0;
     bpf_timer_init(&w->timer, &array, CLOCK_MONOTONIC);
     bpf_timer_set_callback(&w->timer, again); bpf_timer_start(&w->timer, 1, 0))
CASE(first_of_two, struct two *w = (void *)find(&two, 1); if (!w) return 0;
     bpf_timer_init(&w->one, &two, CLOCK_MONOTONIC))
CASE(first_of_an_array, struct bpf_timer *w = (void *)find(&timers, 1); if (!w) return 0;
     bpf_timer_init(w, &timers, CLOCK_MONOTONIC))
CASE(with_lock, struct both *w = (void *)find(&both, 1); if (!w) return 0;
     bpf_timer_init(&w->timer, &both, CLOCK_MONOTONIC);
     bpf_timer_set_callback(&w->timer, locks); bpf_timer_start(&w->timer, 1, 0))
CASE(lock_is_kept, struct both *w = (void *)find(&both, 1); if (!w) return 0;
     bpf_timer_init(&w->timer, &both, CLOCK_MONOTONIC);
     bpf_timer_set_callback(&w->timer, keeps_lock); bpf_timer_start(&w->timer, 1, 0))
CASE(under_lock, struct both *w = (void *)find(&both, 1); if (!w) return 0;
     bpf_spin_lock(&w->lock); bpf_timer_start(&w->timer, 1, 0); bpf_spin_unlock(&w->lock))
CASE(on_stack, struct bpf_timer t = {}; bpf_timer_init(&t, &hash, CLOCK_MONOTONIC))
CASE(in_inner_map, void *m = bpf_map_lookup_elem(&outer, &zero); if (!m) return 0;
     struct timed *w = find(m, 0); if (!w) return 0;
     bpf_timer_init(&w->timer, m, CLOCK_MONOTONIC);
     bpf_timer_set_callback(&w->timer, again); bpf_timer_start(&w->timer, 1, 0))
CASE(in_other_inner_map, void *m = bpf_map_lookup_elem(&outer, &zero); if (!m) return 0;
     __u32 one = 1; void *n = bpf_map_lookup_elem(&outer, &one); if (!n) return 0;
     struct timed *w = find(m, 0); if (!w) return 0;
     bpf_timer_init(&w->timer, n, CLOCK_MONOTONIC))
CASE(cancel_in_function, volatile char room[200] = {}; v->counter += room[v->state & 127]; helper_function(v); bpf_timer_cancel(&v->timer))

SEC("xdp") int or_null(struct xdp_md *ctx)
{
	struct timed *v = find(&hash, 1);

	bpf_timer_init(&v->timer, &hash, CLOCK_MONOTONIC);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
