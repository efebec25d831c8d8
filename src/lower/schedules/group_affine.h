#pragma once

#include "lower/group_access.h"
#include "lower/schedules/channel_records.h"

namespace tempera::lower {

// The group_norm_affine in front of a contraction (FuseRules::takes_group_affine), or one alone:
// each grid iteration makes the factors and terms of all channels of its image, in scratch, from
// the channels' moments, which are few.
class GroupAffine {
 public:
  GroupAffine(const graph::Group& group, int lanes);

  bool empty() const { return nodes_.empty(); }
  // f32 elements of scratch, 1 at least.
  int64_t size() const;
  kernel::Stmt compute(GroupAccess& access, const kernel::Buffer& scratch,
                       const kernel::Expr& image) const;
  // From now on `access` reads factors and terms from scratch.
  void define(GroupAccess& access, const kernel::Buffer& scratch) const;
  // Of node i: its factors (result 0) or terms (1).
  kernel::Expr result_at(const kernel::Buffer& scratch, size_t i, int result,
                         const kernel::Expr& channels, const kernel::Expr& mask) const;

 private:
  struct Norm {
    graph::NodeId node;
    int64_t groups, channels;
    int64_t first, row;  // in scratch: where its rows begin, and how long one is
  };
  kernel::Stmt join_parts(GroupAccess& access, const kernel::Buffer& scratch,
                          const kernel::Expr& image, const Norm& norm) const;

  const graph::Group& group_;
  int lanes_;
  std::vector<Norm> nodes_;
};

}  // namespace tempera::lower
