/*
 * A lock that is not aligned: the kernel refuses all types of such an object, and libbpf
 * loads it without. unaligned_lock.tsv has the kernel's answers.
 */
#include "../programs/packet.h"

struct value {
	__u8 before;
	struct bpf_spin_lock one;
	__u8 after[3];
} __attribute__((packed));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct value);
} value SEC(".maps");

SEC("xdp") int unaligned_lock(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct value *v = bpf_map_lookup_elem(&value, &key);

	if (!v)
		return XDP_PASS;
	bpf_spin_lock((void *)v + 1);
	bpf_spin_unlock((void *)v + 1);
	return XDP_PASS;
}

SEC("xdp") int read_unaligned(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct value *v = bpf_map_lookup_elem(&value, &key);

	return v ? *(volatile __u8 *)((void *)v + 1) : XDP_PASS;
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
