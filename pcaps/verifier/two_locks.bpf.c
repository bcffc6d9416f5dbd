/*
 * A value with two locks: the kernel refuses all types of such an object, and libbpf
 * loads it without. two_locks.tsv has the kernel's answers.
 */
#include "../programs/packet.h"

struct two {
	struct bpf_spin_lock one;
	struct bpf_spin_lock other;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct two);
} two SEC(".maps");

SEC("xdp") int lock_of_two(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct two *v = bpf_map_lookup_elem(&two, &key);

	if (!v)
		return XDP_PASS;
	bpf_spin_lock(&v->one);
	bpf_spin_unlock(&v->one);
	return XDP_PASS;
}

SEC("xdp") int read_of_two(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct two *v = bpf_map_lookup_elem(&two, &key);

	return v ? *(volatile __u32 *)&v->one : XDP_PASS;
}

static int each(__u32 index, void *unused)
{
	return 0;
}

SEC("xdp") int callback_without_types(struct xdp_md *ctx)
{
	bpf_loop(3, each, 0, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
