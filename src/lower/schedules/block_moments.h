#pragma once

#include "lower/group_access.h"
#include "lower/schedules/accumulator.h"
#include "lower/schedules/channel_records.h"

namespace tempera::lower {

// The channel_moments among what a group makes: each grid iteration makes those of its own places
// on the way out, in a fixed order, as one part of them (graph::Group::parts). Where the group is
// to give them whole, a second launch joins the parts.
//
// Deviations are taken from the channel's first value of the block: no difference of large sums is
// taken unless that value is an outlier. Scratch holds three rows of a block's columns: that shift,
// the sum of the deviations, and the sum of their squares.
class BlockMoments {
 public:
  enum Row { kShift, kSum, kSquare, kRows };

  // `parts` of each image. Where they are joined they are the program's temporary of that index.
  BlockMoments(const graph::Group& group, int64_t parts, int lanes, int temporary = 0);

  bool empty() const { return output_ < 0; }
  const ChannelRecords& records() const { return records_; }

  // Of one vector of columns, while values are stored.
  struct Sums {
    Register shift, sum, square;
  };
  Sums make_sums() const;
  // `body` with the sums of the columns from `column` on, out of `columns` in scratch.
  kernel::Stmt around(const kernel::Buffer& scratch, int64_t columns, const kernel::Expr& column,
                      const Sums& sums, const kernel::Stmt& body) const;
  // Adds a vector of elements; the first ones of the block start the sums.
  kernel::Stmt add(const Sums& sums, const kernel::Expr& elements,
                   const kernel::Expr& is_first) const;
  // What `access` stores next is added.
  void watch(GroupAccess& access, const Sums& sums, const kernel::Expr& is_first) const;

  // One vector of a finished block's columns, of `places`, to part `part` of all images' parts.
  kernel::Stmt store(GroupAccess& access, const kernel::Buffer& scratch, int64_t columns,
                     const kernel::Expr& column, const kernel::Expr& part,
                     const kernel::Expr& channels, const kernel::Expr& places,
                     const kernel::Expr& mask) const;
  // What joins the parts, if the group asks for that.
  void add_join(Program& program) const;

 private:
  bool is_joined() const { return whole_.parts != records_.parts; }
  kernel::Buffer parts_buffer(GroupAccess& access, bool written) const;

  const graph::Group& group_;
  int lanes_;
  int temporary_;
  int output_ = -1;  // of the group
  graph::ValueId source_ = -1;
  ChannelRecords records_{0, 0, 1}, whole_{0, 0, 1};  // as made; as the group asks
};

}  // namespace tempera::lower
