#include "lower/schedule.h"
#include "lower/schedules/attention.h"
#include "lower/schedules/channel_moments.h"
#include "lower/schedules/contraction.h"
#include "lower/schedules/contraction_direct.h"
#include "lower/schedules/group_norm_affine.h"
#include "lower/schedules/moments.h"
#include "lower/schedules/movement.h"
#include "lower/schedules/pointwise.h"
#include "lower/schedules/rank.h"
#include "lower/schedules/reduce.h"
#include "lower/schedules/segment_mean.h"
#include "lower/schedules/softmax.h"
#include "lower/schedules/winograd.h"

namespace tempera::lower {

std::span<const Schedule> schedules() {
  static const Schedule table[] = {
      kContraction,     kWinograd, kContractionDirect, kAttention, kChannelMoments,
      kGroupNormAffine, kMoments,  kSoftmax,           kReduce,    kRank,
      kSegmentMean,     kMovement, kPointwise,
  };
  return table;
}

const Schedule* find_schedule(std::string_view name) {
  for (const Schedule& schedule : schedules())
    if (schedule.name == name) return &schedule;
  return nullptr;
}

}  // namespace tempera::lower
