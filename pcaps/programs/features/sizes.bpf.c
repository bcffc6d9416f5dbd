/*
 * What its user space and its machine add: the size of an array, which the
 * loader sets, and the MTU of where a packet came in.
 */
#include "../packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

__u32 mtu;

SEC("xdp")
int sizes(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id(), length = 0;
	__u64 *slot = bpf_map_lookup_elem(&per_cpu, &cpu);

	if (!slot)
		return XDP_ABORTED;
	(*slot)++;
	bpf_check_mtu(ctx, 0, &length, 0, 0);
	mtu = length;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
