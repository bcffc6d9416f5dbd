/*
 * What may be done with a lock in a map's value, and what may not: each program is
 * one case for the verifier. spin_lock.tsv has the kernel's answers.
 */
#include "../programs/packet.h"

struct locked {
	__u32 before;
	struct bpf_spin_lock lock;
	__u64 counter;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct locked);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct locked);
} hash SEC(".maps");

struct plain {
	__u32 before;
	__u32 lock;
	__u64 counter;
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
	__uint(value_size, 16);
} untyped SEC(".maps");

/* a per-CPU map may not have a lock: libbpf makes it without types */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct locked);
} percpu SEC(".maps");

/* nor may an LRU hash */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct locked);
} lru SEC(".maps");

struct nested {
	__u64 x;
	struct locked inner;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nested);
} nested SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__type(key, __u32);
	__type(value, struct locked);
} readonly SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct locked);
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

struct bpf_spin_lock global_lock SEC(".data.lock");
__u64 global_counter SEC(".data.lock");

static struct locked *find(void *map, __u32 key)
{
	return bpf_map_lookup_elem(map, &key);
}

#define CASE(name, body)						\
	SEC("xdp") int name(struct xdp_md *ctx)				\
	{								\
		__u32 zero = 0;						\
		struct locked *v = find(&hash, 1);			\
		(void)zero;						\
		if (!v)							\
			return XDP_PASS;				\
		body;							\
		return XDP_PASS;					\
	}

CASE(ok, bpf_spin_lock(&v->lock); v->counter++; bpf_spin_unlock(&v->lock))
CASE(ok_twice, bpf_spin_lock(&v->lock); bpf_spin_unlock(&v->lock);
     bpf_spin_lock(&v->lock); bpf_spin_unlock(&v->lock))
CASE(ok_branches, bpf_spin_lock(&v->lock);
     if (v->counter > 5) v->counter = 0; else v->counter++;
     bpf_spin_unlock(&v->lock))
CASE(ok_loop, bpf_spin_lock(&v->lock);
     for (int i = 0; i < 100; i++) v->counter += v->before;
     bpf_spin_unlock(&v->lock))
CASE(no_unlock, bpf_spin_lock(&v->lock); v->counter++)
CASE(no_unlock_on_a_path, bpf_spin_lock(&v->lock);
     if (v->counter == 7) return XDP_DROP;
     bpf_spin_unlock(&v->lock))
CASE(unlock_only, bpf_spin_unlock(&v->lock))
CASE(unlock_twice, bpf_spin_lock(&v->lock); bpf_spin_unlock(&v->lock); bpf_spin_unlock(&v->lock))
CASE(lock_twice, bpf_spin_lock(&v->lock); bpf_spin_lock(&v->lock);
     bpf_spin_unlock(&v->lock); bpf_spin_unlock(&v->lock))
CASE(helper_inside, bpf_spin_lock(&v->lock); v->counter = bpf_ktime_get_ns(); bpf_spin_unlock(&v->lock))
CASE(lookup_inside, bpf_spin_lock(&v->lock);
     if (find(&plain, 1)) v->counter++;
     bpf_spin_unlock(&v->lock))
CASE(tail_call_inside, bpf_spin_lock(&v->lock); bpf_tail_call(ctx, &programs, 0); bpf_spin_unlock(&v->lock))
CASE(read_lock, return *(volatile __u32 *)&v->lock)
CASE(read_half_lock, return *(volatile __u8 *)((char *)&v->lock + 3))
CASE(read_over_lock, return *(volatile __u64 *)v)
CASE(write_lock, *(volatile __u32 *)&v->lock = 1)
CASE(atomic_on_lock, __sync_fetch_and_add((__u32 *)&v->lock, 1))
CASE(read_variable, __u64 at = v->counter & 8; return *((volatile __u32 *)((char *)v + at)))
CASE(read_variable_over_lock, __u64 at = v->counter & 12; return *((volatile __u32 *)((char *)v + at)))
CASE(lock_at_wrong_offset, bpf_spin_lock((void *)&v->before); bpf_spin_unlock((void *)&v->before))
CASE(lock_behind, bpf_spin_lock((void *)&v->counter); bpf_spin_unlock((void *)&v->counter))
CASE(lock_variable_offset, __u64 at = v->counter & 4; barrier();
     bpf_spin_lock((void *)((char *)v + at)); bpf_spin_unlock((void *)((char *)v + at)))
CASE(lock_variable_but_known, __u64 at = v->counter; if (at != 4) return 0;
     bpf_spin_lock((void *)((char *)v + at)); bpf_spin_unlock(&v->lock))
CASE(update_with_value, bpf_map_update_elem(&plain, &zero, v, 0))
CASE(value_as_memory, __u32 s = bpf_csum_diff(0, 0, (void *)v, 16, 0); return s & 1)
CASE(value_as_memory_before, __u32 s = bpf_csum_diff(0, 0, (void *)v, 4, 0); return s & 1)
CASE(value_as_key, return find(&plain, 1) ? bpf_map_lookup_elem(&plain, v) != 0 : 0)
CASE(value_as_key_on_lock, return bpf_map_lookup_elem(&plain, &v->lock) != 0)
CASE(two_values, struct locked *w = find(&hash, 2); if (!w) return 0;
     bpf_spin_lock(&v->lock); bpf_spin_unlock(&w->lock))
CASE(two_values_copied, struct locked *w = v; asm volatile("" : "+r"(w));
     bpf_spin_lock(&v->lock); w->counter++; bpf_spin_unlock(&w->lock))
CASE(same_key_looked_up_again, struct locked *w = find(&hash, 1); if (!w) return 0;
     bpf_spin_lock(&v->lock); bpf_spin_unlock(&w->lock))
CASE(two_locks, struct locked *w = find(&hash, 2); if (!w) return 0;
     bpf_spin_lock(&v->lock); bpf_spin_lock(&w->lock);
     bpf_spin_unlock(&w->lock); bpf_spin_unlock(&v->lock))
CASE(two_maps, struct locked *w = find(&array, 1); if (!w) return 0;
     bpf_spin_lock(&v->lock); bpf_spin_unlock(&w->lock))
CASE(no_lock_in_value, struct plain *w = (void *)find(&plain, 1); if (!w) return 0;
     bpf_spin_lock((void *)&w->lock); bpf_spin_unlock((void *)&w->lock))
CASE(no_types, struct locked *w = find(&untyped, 1); if (!w) return 0;
     bpf_spin_lock(&w->lock); bpf_spin_unlock(&w->lock))
CASE(percpu_value, struct locked *w = find(&percpu, 1); if (!w) return 0;
     bpf_spin_lock(&w->lock); bpf_spin_unlock(&w->lock))
CASE(percpu_value_without_lock, struct locked *w = find(&percpu, 1); if (!w) return 0;
     return *(volatile __u32 *)&w->lock)
CASE(lru_value, struct locked *w = find(&lru, 1); if (!w) return 0;
     bpf_spin_lock(&w->lock); bpf_spin_unlock(&w->lock))
CASE(lock_in_nested_struct, struct nested *w = (void *)find(&nested, 0); if (!w) return 0;
     bpf_spin_lock(&w->inner.lock); bpf_spin_unlock(&w->inner.lock))
CASE(lock_in_readonly, struct locked *w = find(&readonly, 0); if (!w) return 0;
     bpf_spin_lock(&w->lock); bpf_spin_unlock(&w->lock))
CASE(on_stack, struct bpf_spin_lock l = {}; bpf_spin_lock(&l); bpf_spin_unlock(&l))
CASE(on_packet, void *p = (void *)(long)ctx->data; if (p + 4 > (void *)(long)ctx->data_end) return 0;
     bpf_spin_lock(p); bpf_spin_unlock(p))
CASE(in_inner_map, void *m = bpf_map_lookup_elem(&outer, &zero); if (!m) return 0;
     struct locked *w = find(m, 0); if (!w) return 0;
     bpf_spin_lock(&w->lock); w->counter++; bpf_spin_unlock(&w->lock))
CASE(two_inner_maps, void *m = bpf_map_lookup_elem(&outer, &zero); if (!m) return 0;
     __u32 one = 1; void *n = bpf_map_lookup_elem(&outer, &one); if (!n) return 0;
     struct locked *w = find(m, 0); if (!w) return 0;
     struct locked *x = find(n, 0); if (!x) return 0;
     bpf_spin_lock(&w->lock); bpf_spin_unlock(&x->lock))
CASE(packet_inside, void *p = (void *)(long)ctx->data; if (p + 4 > (void *)(long)ctx->data_end) return 0;
     bpf_spin_lock(&v->lock); v->counter += *(__u8 *)p; bpf_spin_unlock(&v->lock))
CASE(atomic_inside, bpf_spin_lock(&v->lock); __sync_fetch_and_add(&v->counter, 1); bpf_spin_unlock(&v->lock))

/* without a null check */
SEC("xdp") int or_null(struct xdp_md *ctx)
{
	struct locked *v = find(&hash, 1);

	bpf_spin_lock(&v->lock);
	bpf_spin_unlock(&v->lock);
	return XDP_PASS;
}

static __noinline int add(struct locked *v)
{
	if (!v)
		return 0;
	v->counter++;
	return 1;
}

CASE(static_call_inside, bpf_spin_lock(&v->lock); add(v); bpf_spin_unlock(&v->lock))

__noinline int global_function(int x)
{
	return x + 1;
}

CASE(global_call_inside, bpf_spin_lock(&v->lock); v->counter = global_function(3); bpf_spin_unlock(&v->lock))

static __noinline int take(struct locked *v)
{
	bpf_spin_lock(&v->lock);
	return 1;
}

static __noinline int give(struct locked *v)
{
	bpf_spin_unlock(&v->lock);
	return 1;
}

CASE(taken_in_function, take(v); v->counter++; bpf_spin_unlock(&v->lock))
CASE(given_in_function, bpf_spin_lock(&v->lock); give(v))
CASE(taken_and_given_in_functions, take(v); give(v))
CASE(kept_by_function, take(v))

static long each(void *map, __u32 *key, struct locked *v, void *unused)
{
	bpf_spin_lock(&v->lock);
	v->counter++;
	bpf_spin_unlock(&v->lock);
	return 0;
}

CASE(in_callback, bpf_for_each_map_elem(&hash, each, 0, 0))

static long each_keeps(void *map, __u32 *key, struct locked *v, void *unused)
{
	bpf_spin_lock(&v->lock);
	return 0;
}

CASE(kept_by_callback, bpf_for_each_map_elem(&hash, each_keeps, 0, 0))
CASE(callback_inside, bpf_spin_lock(&v->lock); bpf_for_each_map_elem(&hash, each, 0, 0); bpf_spin_unlock(&v->lock))
CASE(global_lock_ok, bpf_spin_lock(&global_lock); global_counter++; bpf_spin_unlock(&global_lock))
CASE(global_lock_read, return *(volatile __u32 *)&global_lock)
CASE(global_and_other, bpf_spin_lock(&global_lock); bpf_spin_unlock(&v->lock))
CASE(array_constant_key, struct locked *w = find(&array, 1); if (!w) return 0;
     bpf_spin_lock(&w->lock); bpf_spin_unlock(&w->lock))

/* the kernel knows that a constant key of an array is there */
SEC("xdp") int array_without_null_check(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct locked *w = bpf_map_lookup_elem(&array, &key);

	bpf_spin_lock(&w->lock);
	w->counter++;
	bpf_spin_unlock(&w->lock);
	return XDP_PASS;
}

SEC("xdp") int array_two_constant_keys(struct xdp_md *ctx)
{
	__u32 key = 1, other = 2;
	struct locked *v = bpf_map_lookup_elem(&array, &key);
	struct locked *w = bpf_map_lookup_elem(&array, &other);

	bpf_spin_lock(&v->lock);
	bpf_spin_unlock(&w->lock);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
