/*
 * The other half of linked.bpf.o.
 */
#include "../packet.h"

__u64 classified = 0;
const volatile __u32 limits[3] = { 64, 128, 1024 };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} per_class SEC(".maps");

static __noinline __u32 below(__u32 len)
{
	__u32 i;

	for (i = 0; i < 3; i++) {
		if (len <= limits[i])
			break;
	}
	return i;
}

int classify(struct xdp_md *ctx)
{
	__u32 class = below(ctx->data_end - ctx->data);

	classified++;
	return class;
}

int verdict(struct xdp_md *ctx, __u32 class)
{
	__u64 *n = bpf_map_lookup_elem(&per_class, &class);

	return class == 3 || !n ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int other(struct xdp_md *ctx)
{
	return verdict(ctx, classify(ctx));
}

char LICENSE[] SEC("license") = "GPL";
