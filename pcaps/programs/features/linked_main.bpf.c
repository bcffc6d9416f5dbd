/*
 * One half of linked.bpf.o, which libbpf's static linker makes of two objects:
 * a program that calls a function of the other half, uses its map and its
 * variable, and brings a weak default for a function that the other half
 * replaces.
 */
#include "../packet.h"

extern int classify(struct xdp_md *ctx);
extern __u64 classified;

/* the declaration repeats the definition; the linker compares them */
extern struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} per_class SEC(".maps");

int runs = 0;

__weak int verdict(struct xdp_md *ctx, __u32 class)
{
	return XDP_ABORTED;
}

SEC("xdp")
int linked(struct xdp_md *ctx)
{
	__u32 class = classify(ctx);
	__u64 *n = bpf_map_lookup_elem(&per_class, &class);

	if (n)
		(*n)++;
	runs++;
	bpf_printk("class %d of %llu", class, classified);
	return verdict(ctx, class);
}

char LICENSE[] SEC("license") = "GPL";
