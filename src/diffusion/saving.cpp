#include "diffusion/saving.h"

namespace tempera::diffusion {

namespace {

constexpr double kMostMerged = 0.75;   // all tokens but one of each cell of four
constexpr int64_t kMostReused = 1000;  // calls that take one deep feature

}  // namespace

Status check(const TokenMerging& merging) {
  if (!(merging.ratio >= 0 && merging.ratio <= kMostMerged))
    return error(ErrorCode::invalid_argument, "--token-merging-ratio {} is not within 0 to {}",
                 merging.ratio, kMostMerged);
  const int64_t downsample = merging.max_downsample;
  if (downsample != 1 && downsample != 2 && downsample != 4 && downsample != 8)
    return error(ErrorCode::invalid_argument,
                 "--token-merging-max-downsample {} is not 1, 2, 4 or 8", downsample);
  if (merging.ratio == 0 && merging != TokenMerging{})
    return error(ErrorCode::invalid_argument,
                 "--token-merging-max-downsample, --token-merging-crossattn and "
                 "--token-merging-mlp need a --token-merging-ratio above 0");
  return {};
}

Status check(const WorkSaving& saving, bool is_guided) {
  TRY(check(saving.token_merging));
  if (saving.deep_cache < 1 || saving.deep_cache > kMostReused)
    return error(ErrorCode::invalid_argument, "--deep-cache {} is not within 1 to {}",
                 saving.deep_cache, kMostReused);
  const double from = saving.guidance_from, to = saving.guidance_to;
  if (!(from >= 0 && from < to && to <= 1))
    return error(ErrorCode::invalid_argument,
                 "guidance from {} to {} is no part of the steps; 0 <= from < to <= 1 is needed",
                 from, to);
  if ((from > 0 || to < 1) && !is_guided)
    return error(ErrorCode::invalid_argument,
                 "--guidance-from and --guidance-to need a guidance scale above 1");
  return {};
}

}  // namespace tempera::diffusion
