#include "lower/schedules/channel_moments.h"

#include <algorithm>

#include "graph/attribute.h"
#include "graph/geometry.h"
#include "lower/group_access.h"
#include "lower/schedules/accumulator.h"
#include "lower/schedules/iterate.h"
#include "lower/schedules/vectorize.h"

namespace tempera::lower {

using graph::Group;
using kernel::Buffer;
using kernel::Expr;
using kernel::Intrinsic;
using kernel::Stmt;
using kernel::Type;

namespace {

constexpr int64_t kRun =
    64;  // places summed in registers before they go to the upper level of the sums
constexpr int64_t kSamples = 8;  // places whose mean is the shift

// What both launches know. Deviations are taken from a shift near the mean, one for each image and
// channel. The temporary holds, for each image and block, three rows of channels: sum and sum of
// squares of the deviations, and the shift.
struct Layout {
  const ChannelGroups& g;
  int lanes;
  int64_t vectors;       // of channels
  int64_t block_places;  // a multiple of kRun
  int64_t blocks;
  int64_t parts;

  Layout(const ChannelGroups& g, const Target& target, const ChannelMomentsOptions& options)
      : g(g), lanes(fit_lanes(target, g.channels)), vectors(divide_up(g.channels, lanes)) {
    block_places = divide_up(divide_up(g.places, options.blocks), kRun) * kRun;
    blocks = divide_up(g.places, block_places);
    parts = std::clamp<int64_t>(options.parts, 1, vectors);
    while (vectors % parts != 0) --parts;
  }
  int64_t row() const { return vectors * lanes; }
  int64_t size() const { return g.batch * blocks * 3 * row(); }
  Expr offset(const Expr& image, const Expr& block, int which, const Expr& channel) const {
    return ((image * number(blocks) + block) * 3 + which) * number(row()) + channel;
  }
};

// First launch: an iteration sums one block of places for one part of the channels.
class Sums {
 public:
  Sums(const Group& group, const Layout& layout, const Target& target)
      : access_(group),
        layout_(layout),
        g_(layout.g),
        type_{DType::f32, layout.lanes},
        part_(layout.vectors / layout.parts),
        width_(std::min(part_, target.vector_registers / 8)) {
    for (Buffer* row : {&sum_, &square_, &shift_})
      *row = kernel::make_buffer("row", {DType::f32, 1}, kernel::Space::workgroup,
                                 part_ * layout.lanes);
    partial_ = access_.temporary(0, {DType::f32, 1}, layout.size(), true);
  }

  Launch build() {
    Stmt body = kernel::grid("image", number(g_.batch), [&](Expr n) {
      return kernel::grid("block", number(layout_.blocks), [&](Expr b) {
        return kernel::grid("part", number(layout_.parts), [&](Expr p) {
          image_ = n;
          block_ = b;
          first_ = p * number(part_ * layout_.lanes);
          return iteration();
        });
      });
    });
    return access_.launch("channel_sums", std::move(body));
  }

 private:
  // `channel` counts within the part.
  Expr lanes_at(const Expr& vector) const {
    return kernel::ramp(vector * layout_.lanes, 1, layout_.lanes);
  }

  Expr value(const Expr& vector, const Expr& place) {
    const Expr channel = kernel::ramp(first_ + vector * layout_.lanes, 1, layout_.lanes);
    const bool whole = g_.channels % layout_.lanes == 0;
    Index index = {image_, channel};
    Index places(g_.place_shape.size());
    std::vector<int> dims;
    for (size_t d = 0; d < places.size(); ++d) dims.push_back(static_cast<int>(d));
    spread(place, g_.place_shape, dims, places);
    index.insert(index.end(), places.begin(), places.end());
    const Expr mask = whole ? Expr() : channel < number(g_.channels);
    return cast(DType::f32, access_.value_at(g_.value, index, mask));
  }

  Stmt iteration() {
    const Expr first = block_ * number(layout_.block_places);
    const Expr places = kernel::min(number(layout_.block_places), number(g_.places) - first);
    const Expr runs = (places + (kRun - 1)) / number(kRun);
    Stmt body = kernel::block({each_vector([&](Expr v) { return reset(v); }),
                               kernel::serial("run", runs,
                                              [&](Expr r) {
                                                const Expr start = first + r * number(kRun);
                                                const Expr left = number(g_.places) - start;
                                                return run(start, kernel::min(number(kRun), left));
                                              }),
                               each_vector([&](Expr v) { return keep(v); })});
    for (const Buffer& row : {sum_, square_, shift_}) body = kernel::allocate(row, std::move(body));
    return body;
  }

  Stmt each_vector(const std::function<Stmt(Expr)>& body) const {
    return kernel::serial("v", number(part_), body);
  }

  Stmt reset(const Expr& v) {
    const int64_t samples = std::min(kSamples, g_.places);
    Expr total;
    for (int64_t i = 0; i < samples; ++i) {
      const Expr x = value(v, number(i * g_.places / samples));
      total = total.defined() ? total + x : x;
    }
    const Expr zero = kernel::constant(type_, 0);
    return kernel::block(
        {kernel::store(shift_, lanes_at(v),
                       total * kernel::constant(type_, 1.0 / static_cast<double>(samples))),
         kernel::store(sum_, lanes_at(v), zero), kernel::store(square_, lanes_at(v), zero)});
  }

  // Adds `count` places; registers hold the sums of a few vectors at a time.
  Stmt run(const Expr& start, const Expr& count) {
    std::vector<Stmt> parts;
    if (part_ / width_ > 0)
      parts.push_back(kernel::serial("chunk", number(part_ / width_), [&](Expr c) {
        return chunk(c * number(width_), width_, start, count);
      }));
    if (part_ % width_ != 0)
      parts.push_back(chunk(number(part_ / width_ * width_), part_ % width_, start, count));
    return kernel::block(std::move(parts));
  }

  Stmt chunk(const Expr& first, int64_t width, const Expr& start, const Expr& count) {
    const Buffer sums = kernel::make_buffer("sums", type_, kernel::Space::registers, 2 * width);
    std::vector<Expr> shifts;
    std::vector<Stmt> parts;
    for (int i = 0; i < 2 * width; ++i)
      parts.push_back(kernel::store(sums, i, kernel::constant(type_, 0)));
    for (int i = 0; i < width; ++i) shifts.push_back(kernel::variable("shift", type_));
    parts.push_back(kernel::serial("place", count, [&](Expr place) {
      std::vector<Stmt> adds;
      for (int i = 0; i < width; ++i)
        adds.push_back(
            kernel::let_in("y", value(first + i, start + place) - shifts[i], [&](Expr y) {
              return kernel::block(
                  {kernel::store(sums, 2 * i, kernel::load(sums, 2 * i) + y),
                   kernel::store(sums, 2 * i + 1, fma(y, y, kernel::load(sums, 2 * i + 1)))});
            }));
      return kernel::block(std::move(adds));
    }));
    for (int i = 0; i < width; ++i) {
      const Expr at = lanes_at(first + i);
      parts.push_back(kernel::store(sum_, at, kernel::load(sum_, at) + kernel::load(sums, 2 * i)));
      parts.push_back(
          kernel::store(square_, at, kernel::load(square_, at) + kernel::load(sums, 2 * i + 1)));
    }
    Stmt body = kernel::block(std::move(parts));
    for (int i = 0; i < width; ++i)
      body = kernel::let(shifts[i], kernel::load(shift_, lanes_at(first + i)), std::move(body));
    return kernel::allocate(sums, std::move(body));
  }

  Stmt keep(const Expr& v) const {
    std::vector<Stmt> parts;
    const Buffer rows[] = {sum_, square_, shift_};
    for (int which = 0; which < 3; ++which) {
      const Expr at = layout_.offset(image_, block_, which, first_ + v * layout_.lanes);
      parts.push_back(kernel::store(partial_, kernel::ramp(at, 1, layout_.lanes),
                                    kernel::load(rows[which], lanes_at(v))));
    }
    return kernel::block(std::move(parts));
  }

  GroupAccess access_;
  const Layout& layout_;
  const ChannelGroups& g_;
  Type type_;
  int64_t part_, width_;  // vectors of a part, and of a chunk
  Buffer sum_, square_, shift_, partial_;
  Expr image_, block_, first_;
};

// Second launch: an iteration makes the moments of one group of channels of one image.
class Combination {
 public:
  Combination(const Group& group, const Layout& layout, const Target& target)
      : access_(group),
        anchor_(group.body.node(group.anchor)),
        layout_(layout),
        g_(layout.g),
        size_(g_.channels / g_.groups),
        lanes_(fit_lanes(target, size_)),
        vectors_(divide_up(size_, lanes_)),
        type_{DType::f32, lanes_},
        result_(group.body.value(anchor_.outputs[0]).dtype) {
    partial_ = access_.temporary(0, {DType::f32, 1}, layout.size(), false);
  }

  Launch build() {
    Stmt body = kernel::grid("image", number(g_.batch), [&](Expr n) {
      return kernel::grid("group", number(g_.groups), [&](Expr g) {
        image_ = n;
        group_ = g;
        return iteration();
      });
    });
    return access_.launch("group_moments", std::move(body));
  }

 private:
  Expr mask(int64_t v) const {
    const int64_t left = size_ - v * lanes_;
    return left >= lanes_ ? Expr() : kernel::ramp(0, 1, lanes_) < number(left);
  }
  Expr partial(const Expr& block, int which, int64_t v) const {
    const Expr channel = group_ * number(size_) + number(v * lanes_);
    return kernel::load(
        partial_, kernel::ramp(layout_.offset(image_, block, which, channel), 1, lanes_), mask(v));
  }
  Expr only(const Expr& x, int64_t v) const {
    return masked(mask(v), x, kernel::constant(type_, 0));
  }

  Stmt iteration() {
    const Buffer sums = kernel::make_buffer("sums", type_, kernel::Space::registers, vectors_ * 2);
    std::vector<Stmt> parts;
    for (int i = 0; i < 2 * vectors_; ++i)
      parts.push_back(kernel::store(sums, i, kernel::constant(type_, 0)));
    parts.push_back(kernel::serial("block", number(layout_.blocks), [&](Expr block) {
      std::vector<Stmt> adds;
      for (int i = 0; i < 2 * vectors_; ++i)
        adds.push_back(
            kernel::store(sums, i, kernel::load(sums, i) + partial(block, i % 2, i / 2)));
      return kernel::block(std::move(adds));
    }));
    parts.push_back(combine(sums));
    return kernel::allocate(sums, kernel::block(std::move(parts)));
  }

  // Channels' means and squares about them, relative to the first channel's shift, make the
  // group's.
  Stmt combine(const Buffer& sums) {
    const Expr places = kernel::f32(static_cast<double>(g_.places));
    const Expr base = kernel::load(partial_, layout_.offset(image_, 0, 2, group_ * number(size_)));
    return kernel::let_in("base", base, [&](Expr origin) {
      std::vector<Expr> means, squares;
      Expr total;
      for (int v = 0; v < vectors_; ++v) {
        const Expr sum = kernel::load(sums, 2 * v);
        const Expr mean = sum / places;
        means.push_back(partial(0, 2, v) - origin + mean);
        squares.push_back(kernel::load(sums, 2 * v + 1) - sum * mean);
        total = v == 0 ? only(means[v], v) : total + only(means[v], v);
      }
      const Expr count = kernel::f32(static_cast<double>(size_));
      return kernel::let_in(
          "mean", across_lanes(Intrinsic::reduce_add, total) / count, [&](Expr mean) {
            Expr square;
            for (int v = 0; v < vectors_; ++v) {
              const Expr apart = means[v] - mean;
              const Expr all = only(fma(apart * apart, places, squares[v]), v);
              square = v == 0 ? all : square + all;
            }
            const Expr variance = across_lanes(Intrinsic::reduce_add, square) / (count * places);
            return finish(origin + mean, variance);
          });
    });
  }

  Stmt finish(const Expr& mean, const Expr& variance) {
    const double epsilon = graph::double_attribute(anchor_, "epsilon");
    const Expr rstd =
        call(Intrinsic::rsqrt, {max(variance, kernel::f32(0)) + kernel::f32(epsilon)});
    Index index(g_.place_shape.size() + 3, Expr(0));
    index[0] = image_;
    index[1] = group_;
    return access_.store_results(index, {cast(result_, mean), cast(result_, rstd)});
  }

  GroupAccess access_;
  const graph::Node& anchor_;
  const Layout& layout_;
  const ChannelGroups& g_;
  int64_t size_;  // channels of a group
  int lanes_;
  int64_t vectors_;
  Type type_;
  DType result_;
  Buffer partial_;
  Expr image_, group_;
};

}  // namespace

std::optional<ChannelGroups> channel_groups(const Group& group, const Target& target) {
  const graph::Graph& body = group.body;
  const graph::Node& anchor = body.node(group.anchor);
  const graph::Value& operand = body.value(anchor.inputs[0]);
  if (operand.producer < 0 || body.node(operand.producer).op != graph::Op::reshape) return {};
  const graph::ValueId value = body.node(operand.producer).inputs[0];
  const Shape& whole = body.value(value).shape;
  const Shape& split = operand.shape;
  if (whole.size() < 2 || split.size() != whole.size() + 1 || whole[0] != split[0]) return {};
  if (split[1] * split[2] != whole[1] ||
      !std::equal(whole.begin() + 2, whole.end(), split.begin() + 3))
    return {};
  const auto axes = graph::positive_axes(graph::ints_attribute(anchor, "axes"), split.size());
  if (axes.size() + 2 != split.size() || axes[0] != 2) return {};
  if (innermost_dimension(group, value, fit_lanes(target, whole[1])) != 1) return {};
  const Shape places(whole.begin() + 2, whole.end());
  return ChannelGroups{.value = value,
                       .batch = whole[0],
                       .channels = whole[1],
                       .groups = split[1],
                       .places = element_count(places),
                       .place_shape = places};
}

Program build_channel_moments(const Group& group, const ChannelGroups& groups, const Target& target,
                              const ChannelMomentsOptions& options) {
  const Layout layout(groups, target, options);
  Program program;
  program.main.push_back(Sums(group, layout, target).build());
  program.main.push_back(Combination(group, layout, target).build());
  program.temporary_bytes.push_back(layout.size() * 4);
  return program;
}

}  // namespace tempera::lower
