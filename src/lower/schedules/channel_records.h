#pragma once

#include <functional>

#include "lower/schedules/iterate.h"

namespace tempera::lower {

// How channel_moments lie in memory (graph::Group::parts): f32 [image][part][row][channel]. Each
// part holds those of some of the places, all parts together each place once.
struct ChannelRecords {
  enum Row { kCount, kMean, kSquares, kRows };
  int64_t images, channels, parts;

  int64_t size() const { return images * parts * kRows * channels; }
  // Of channel 0.
  kernel::Expr offset(const kernel::Expr& image, const kernel::Expr& part, Row row) const;

  // Those of one vector of channels; squares are about the mean.
  struct Moments {
    kernel::Expr count, mean, squares;
  };
  kernel::Stmt store(const kernel::Buffer& records, const kernel::Expr& image,
                     const kernel::Expr& part, const kernel::Expr& channels,
                     const kernel::Expr& mask, const Moments& moments) const;

  using Body = std::function<kernel::Stmt(const Moments&)>;
  // `body` with those of all parts of an image, of one vector of channels. Squares about the parts'
  // means become squares about the common mean: no difference of large sums is taken.
  kernel::Stmt joined(const kernel::Buffer& records, const kernel::Expr& image,
                      const kernel::Expr& channels, const kernel::Expr& mask,
                      const Body& body) const;
};

}  // namespace tempera::lower
