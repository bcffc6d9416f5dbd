/* As count, but passes only what is not UDP: with traffic of UDP every packet is parsed, counted and dropped. */
#include "parse.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("xdp")
int block(struct xdp_md *ctx)
{
	int port = udp_port((void *)(long)ctx->data, (void *)(long)ctx->data_end);
	__u32 action = port >= 0 ? XDP_DROP : XDP_PASS;
	__u64 *counter = bpf_map_lookup_elem(&counters, &action);

	if (counter)
		__sync_fetch_and_add(counter, 1);
	return action;
}

char LICENSE[] SEC("license") = "GPL";
