/*
 * Moves the end of packets (bpf_xdp_adjust_tail): what is longer than 128 bytes
 * is cut to 128, what is shorter than 96 grows to 96 (the kernel clears the new
 * bytes) and gets its old length written into the last four. Then it asks for
 * three impossible lengths and records the errors, which must be -22 (EINVAL).
 */
#include "packet.h"

#define LONGEST 128
#define SHORTEST 96

struct stats {
	__u64 cut;
	__u64 grown;
	__u64 kept;
	__u64 failed;
	__s64 error_below_mac_header;
	__s64 error_above_frame;
	__s64 error_head_beyond_end;
};

struct stats stats;

SEC("xdp")
int trim(struct xdp_md *ctx)
{
	__u32 len = ctx->data_end - ctx->data;
	int by = 0;

	if (len > LONGEST)
		by = LONGEST - (int)len;
	else if (len < SHORTEST)
		by = SHORTEST - len;

	if (by) {
		if (bpf_xdp_adjust_tail(ctx, by)) {
			stats.failed++;
			return XDP_ABORTED;
		}
		if (by > 0) {
			void *data = (void *)(long)ctx->data;
			void *end = (void *)(long)ctx->data_end;

			if (data + SHORTEST > end)
				return XDP_ABORTED;
			*(__be32 *)(data + SHORTEST - 4) = bpf_htonl(len);
			stats.grown++;
		} else {
			stats.cut++;
		}
	} else {
		stats.kept++;
	}

	len = ctx->data_end - ctx->data;
	stats.error_below_mac_header = bpf_xdp_adjust_tail(ctx, 13 - (int)len);
	stats.error_above_frame = bpf_xdp_adjust_tail(ctx, 4096);
	stats.error_head_beyond_end = bpf_xdp_adjust_head(ctx, len - 13);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
