#include "lower/schedules/group_norm_channels.h"

#include <algorithm>

#include "graph/attribute.h"
#include "lower/group_access.h"
#include "lower/schedules/accumulator.h"
#include "lower/schedules/iterate.h"
#include "lower/schedules/vectorize.h"

namespace tempera::lower {

using graph::Group;
using kernel::Buffer;
using kernel::Config;
using kernel::Expr;
using kernel::Intrinsic;
using kernel::Stmt;
using kernel::Type;

namespace {

constexpr int64_t kRun =
    64;  // places summed in registers before they go to the upper level of the sums
constexpr int64_t kSamples = 8;  // places whose mean is the shift

enum Row { kSum, kSquare, kShift, kRows };

// Deviations are taken from a shift near the mean, one for each image and channel: no difference of
// large sums is taken. A part's statistics are three rows of its channels: sum and sum of squares
// of the deviations, and the shift.
struct Layout {
  ChannelGroups g;
  int64_t parts;
  int64_t run;  // channels of a part
  int lanes;
  int64_t vectors;       // of a part
  int64_t block_places;  // a multiple of kRun
  int64_t blocks;

  Layout(const Group& group, const Target& target, const Config& config)
      : g(channel_groups(group)), parts(std::clamp<int64_t>(config.at("parts"), 1, g.groups)) {
    while (g.groups % parts != 0) --parts;
    run = g.channels / parts;
    lanes = fit_lanes(target, run);
    vectors = divide_up(run, lanes);
    block_places = divide_up(divide_up(g.places, config.at("blocks")), kRun) * kRun;
    blocks = divide_up(g.places, block_places);
  }
  int64_t part_groups() const { return g.groups / parts; }
  int64_t row() const { return vectors * lanes; }
  int64_t block_size() const { return parts * kRows * row(); }
  int64_t size() const { return g.batch * blocks * block_size(); }
  Expr offset(const Expr& image, const Expr& block, const Expr& part) const {
    return ((image * number(blocks) + block) * number(parts) + part) * number(kRows * row());
  }
};

// Makes the factors and terms of one group of channels from the statistics of its part, which lie
// in `rows` from `first` on for block 0, and block_size() further for each next block.
class Combination {
 public:
  Combination(const Group& group, GroupAccess& access, const Layout& layout, const Target& target)
      : anchor_(group.body.node(group.anchor)),
        access_(access),
        layout_(layout),
        g_(layout.g),
        size_(g_.size()),
        lanes_(fit_lanes(target, size_)),
        vectors_(divide_up(size_, lanes_)),
        type_{DType::f32, lanes_},
        result_(group.body.value(anchor_.outputs[0]).dtype) {}

  // `member`: of the part.
  Stmt combine(const Buffer& rows, const Expr& first, const Expr& image, const Expr& part,
               const Expr& member) {
    rows_ = rows;
    first_ = first + member * number(size_);
    image_ = image;
    channel_ = part * number(layout_.run) + member * number(size_);
    return iteration();
  }

 private:
  Expr mask(int64_t v) const {
    const int64_t left = size_ - v * lanes_;
    return left >= lanes_ ? Expr() : kernel::ramp(0, 1, lanes_) < number(left);
  }
  Expr statistic(const Expr& block, Row row, int64_t v) const {
    const Expr at =
        first_ + block * number(layout_.block_size()) + number(row * layout_.row() + v * lanes_);
    return kernel::load(rows_, kernel::ramp(at, 1, lanes_), mask(v));
  }
  Expr only(const Expr& x, int64_t v) const {
    return masked(mask(v), x, kernel::constant(type_, 0));
  }

  Stmt iteration() {
    const Buffer sums = kernel::make_buffer("sums", type_, kernel::Space::registers, vectors_ * 2);
    std::vector<Stmt> parts;
    for (int i = 0; i < 2 * vectors_; ++i)
      parts.push_back(kernel::store(sums, i, kernel::constant(type_, 0)));
    parts.push_back(kernel::serial("block", number(layout_.blocks), [&](const Expr& block) {
      std::vector<Stmt> adds;
      for (int i = 0; i < 2 * vectors_; ++i)
        adds.push_back(kernel::store(
            sums, i, kernel::load(sums, i) + statistic(block, i % 2 == 0 ? kSum : kSquare, i / 2)));
      return kernel::block(std::move(adds));
    }));
    parts.push_back(join_channels(sums));
    return kernel::allocate(sums, kernel::block(std::move(parts)));
  }

  // Channels' means and squares about them, relative to the first channel's shift, make the
  // group's.
  Stmt join_channels(const Buffer& sums) {
    const Expr places = kernel::f32(static_cast<double>(g_.places));
    const Expr base = kernel::load(rows_, first_ + number(kShift * layout_.row()));
    return kernel::let_in("base", base, [&](const Expr& origin) {
      std::vector<Expr> means, squares;
      Expr total;
      for (int v = 0; v < vectors_; ++v) {
        const Expr sum = kernel::load(sums, 2 * v);
        const Expr mean = sum / places;
        means.push_back(statistic(0, kShift, v) - origin + mean);
        squares.push_back(kernel::load(sums, 2 * v + 1) - sum * mean);
        total = v == 0 ? only(means[v], v) : total + only(means[v], v);
      }
      const Expr count = kernel::f32(static_cast<double>(size_));
      return kernel::let_in(
          "mean", across_lanes(Intrinsic::reduce_add, total) / count, [&](const Expr& mean) {
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
    return kernel::let_in("center", mean, [&](const Expr& center) {
      return kernel::let_in("rstd", rstd, [&](const Expr& r) {
        std::vector<Stmt> stores;
        for (int v = 0; v < vectors_; ++v) stores.push_back(affine(center, r, v));
        return kernel::block(std::move(stores));
      });
    });
  }

  Stmt affine(const Expr& mean, const Expr& rstd, int64_t v) {
    const Expr channels = kernel::ramp(channel_ + number(v * lanes_), 1, lanes_);
    const auto weight = [&](int input) {
      return cast(DType::f32, access_.value_at(anchor_.inputs[input], {channels}, mask(v)));
    };
    Index index(g_.place_shape.size() + 2, Expr(0));
    index[0] = image_;
    index[1] = channels;
    return kernel::let_in("factor", weight(1) * rstd, [&](const Expr& factor) {
      const Expr term = weight(2) - factor * mean;
      return access_.store_results(index, {cast(result_, factor), cast(result_, term)}, mask(v));
    });
  }

  const graph::Node& anchor_;
  GroupAccess& access_;
  const Layout& layout_;
  const ChannelGroups& g_;
  int64_t size_;  // channels of a group
  int lanes_;
  int64_t vectors_;
  Type type_;
  DType result_;
  Buffer rows_;
  Expr first_, image_, channel_;
};

// An iteration sums one block of places for one part of the channels into rows in scratch.
class Sums {
 public:
  using Then = std::function<Stmt(const Buffer& rows, Expr image, Expr block, Expr part)>;

  Sums(const Group& group, GroupAccess& access, const Layout& layout, const Target& target)
      : x_(group.body.node(group.anchor).inputs[0]),
        access_(access),
        layout_(layout),
        g_(layout.g),
        type_{DType::f32, layout.lanes} {
    const int64_t most = std::max<int64_t>(1, target.vector_registers / 6);
    width_ = divide_up(layout.vectors, divide_up(layout.vectors, most));
    rows_ = kernel::make_buffer("rows", {DType::f32, 1}, kernel::Space::workgroup,
                                kRows * layout.row());
  }

  Stmt build(const Then& then) {
    return kernel::grid("image", number(g_.batch), [&](const Expr& n) {
      return kernel::grid("block", number(layout_.blocks), [&](const Expr& b) {
        return kernel::grid("part", number(layout_.parts), [&](const Expr& p) {
          image_ = n;
          first_ = p * number(layout_.run);
          const Stmt body = kernel::block({sum_block(b), then(rows_, n, b, p)});
          return kernel::allocate(rows_, body);
        });
      });
    });
  }

 private:
  // `vector` counts within the part.
  Expr row_at(Row row, const Expr& vector) const {
    return kernel::ramp(vector * layout_.lanes + number(row * layout_.row()), 1, layout_.lanes);
  }
  Expr load_row(Row row, const Expr& vector) const {
    return kernel::load(rows_, row_at(row, vector));
  }
  Stmt store_row(Row row, const Expr& vector, const Expr& value) const {
    return kernel::store(rows_, row_at(row, vector), value);
  }

  Expr value(const Expr& vector, const Expr& place) {
    const Expr local = kernel::ramp(vector * layout_.lanes, 1, layout_.lanes);
    Index index = {image_, kernel::ramp(first_ + vector * layout_.lanes, 1, layout_.lanes)};
    Index places(g_.place_shape.size());
    std::vector<int> dims;
    for (size_t d = 0; d < places.size(); ++d) dims.push_back(static_cast<int>(d));
    spread(place, g_.place_shape, dims, places);
    index.insert(index.end(), places.begin(), places.end());
    const bool whole = layout_.run % layout_.lanes == 0;
    const Expr mask = whole ? Expr() : local < number(layout_.run);
    return cast(DType::f32, access_.value_at(x_, index, mask));
  }

  Stmt sum_block(const Expr& block) {
    const Expr first = block * number(layout_.block_places);
    const Expr places = kernel::min(number(layout_.block_places), number(g_.places) - first);
    const Expr runs = (places + (kRun - 1)) / number(kRun);
    return kernel::block(
        {kernel::serial("v", number(layout_.vectors), [&](const Expr& v) { return reset(v); }),
         kernel::serial("run", runs, [&](const Expr& r) {
           const Expr start = first + r * number(kRun);
           return add_run(start, kernel::min(number(kRun), number(g_.places) - start));
         })});
  }

  Stmt reset(const Expr& v) {
    const int64_t samples = std::min(kSamples, g_.places);
    Expr total;
    for (int64_t i = 0; i < samples; ++i) {
      const Expr x = value(v, number(i * g_.places / samples));
      total = total.defined() ? total + x : x;
    }
    const Expr zero = kernel::constant(type_, 0);
    const Expr mean = total * kernel::constant(type_, 1.0 / static_cast<double>(samples));
    return kernel::block(
        {store_row(kShift, v, mean), store_row(kSum, v, zero), store_row(kSquare, v, zero)});
  }

  // Adds `count` places; registers hold the sums of a few vectors at a time.
  Stmt add_run(const Expr& start, const Expr& count) {
    const int64_t whole = layout_.vectors / width_, rest = layout_.vectors % width_;
    std::vector<Stmt> parts = {kernel::serial("chunk", number(whole), [&](const Expr& c) {
      return add_chunk(c * number(width_), width_, start, count);
    })};
    if (rest != 0) parts.push_back(add_chunk(number(whole * width_), rest, start, count));
    return kernel::block(std::move(parts));
  }

  Stmt add_chunk(const Expr& first, int64_t width, const Expr& start, const Expr& count) {
    const Buffer sums = kernel::make_buffer("sums", type_, kernel::Space::registers, 2 * width);
    const auto add_to = [&](int i, const Expr& y) {
      return kernel::store(sums, i, kernel::load(sums, i) + y);
    };
    std::vector<Expr> shifts;
    std::vector<Stmt> parts;
    for (int i = 0; i < 2 * width; ++i)
      parts.push_back(kernel::store(sums, i, kernel::constant(type_, 0)));
    for (int i = 0; i < width; ++i) shifts.push_back(kernel::variable("shift", type_));
    parts.push_back(kernel::serial("place", count, [&](const Expr& place) {
      std::vector<Stmt> adds;
      for (int i = 0; i < width; ++i)
        adds.push_back(
            kernel::let_in("y", value(first + i, start + place) - shifts[i], [&](const Expr& y) {
              const Expr square = fma(y, y, kernel::load(sums, 2 * i + 1));
              return kernel::block({add_to(2 * i, y), kernel::store(sums, 2 * i + 1, square)});
            }));
      return kernel::block(std::move(adds));
    }));
    for (int i = 0; i < width; ++i)
      for (const Row row : {kSum, kSquare})
        parts.push_back(
            store_row(row, first + i, load_row(row, first + i) + kernel::load(sums, 2 * i + row)));
    Stmt body = kernel::block(std::move(parts));
    for (int i = 0; i < width; ++i)
      body = kernel::let(shifts[i], load_row(kShift, first + i), std::move(body));
    return kernel::allocate(sums, std::move(body));
  }

  graph::ValueId x_;
  GroupAccess& access_;
  const Layout& layout_;
  const ChannelGroups& g_;
  Type type_;
  int64_t width_;  // vectors of a chunk
  Buffer rows_;
  Expr image_, first_;
};

Launch one_launch(const Group& group, const Layout& layout, const Target& target) {
  GroupAccess access(group);
  Combination combination(group, access, layout, target);
  const Stmt body =
      Sums(group, access, layout, target)
          .build([&](const Buffer& rows, Expr image, const Expr&, Expr part) {
            return kernel::serial("group", number(layout.part_groups()), [&](const Expr& member) {
              return combination.combine(rows, 0, image, part, member);
            });
          });
  return access.launch("group_norm_affine", body);
}

Launch sums_launch(const Group& group, const Layout& layout, const Target& target) {
  GroupAccess access(group);
  const Buffer partial = access.temporary(0, {DType::f32, 1}, layout.size(), true);
  const auto keep = [&](const Buffer& rows, const Expr& image, const Expr& block,
                        const Expr& part) {
    const Expr first = layout.offset(image, block, part);
    return kernel::serial("v", number(kRows * layout.vectors), [&](const Expr& v) {
      const Expr at = kernel::ramp(v * layout.lanes, 1, layout.lanes);
      return kernel::store(partial, kernel::ramp(first + v * layout.lanes, 1, layout.lanes),
                           kernel::load(rows, at));
    });
  };
  return access.launch("channel_sums", Sums(group, access, layout, target).build(keep));
}

Launch combination_launch(const Group& group, const Layout& layout, const Target& target) {
  GroupAccess access(group);
  const Buffer partial = access.temporary(0, {DType::f32, 1}, layout.size(), false);
  Combination combination(group, access, layout, target);
  const Stmt body = kernel::grid("image", number(layout.g.batch), [&](const Expr& image) {
    return kernel::grid("part", number(layout.parts), [&](const Expr& part) {
      return kernel::grid("group", number(layout.part_groups()), [&](const Expr& member) {
        return combination.combine(partial, layout.offset(image, 0, part), image, part, member);
      });
    });
  });
  return access.launch("group_norm_affine", body);
}

constexpr int64_t kShortestRun = 256;         // bytes of a place that are worth one visit
constexpr int64_t kSmall = int64_t{1} << 18;  // bytes of x that one core may as well read alone

// The fewest parts that keep all cores busy, if their runs are long enough.
std::optional<int64_t> parts_of_one_launch(const ChannelGroups& g, const Target& target) {
  const bool small = g.batch * g.places * g.channels * 4 <= kSmall;
  for (int64_t parts = 1; parts <= g.groups; ++parts) {
    if (g.groups % parts != 0) continue;
    if (g.channels / parts * 4 < kShortestRun && parts > 1) break;
    if (small || g.batch * parts >= 4 * target.cores) return parts;
  }
  return {};
}

}  // namespace

ChannelGroups channel_groups(const Group& group) {
  const graph::Node& anchor = group.body.node(group.anchor);
  const Shape& x = group.body.value(anchor.inputs[0]).shape;
  const Shape places(x.begin() + 2, x.end());
  return {.batch = x[0],
          .channels = x[1],
          .groups = graph::int_attribute(anchor, "groups"),
          .places = element_count(places),
          .place_shape = places};
}

bool has_channels_innermost(const Group& group, const Target& target) {
  const graph::ValueId x = group.body.node(group.anchor).inputs[0];
  return innermost_dimension(group, x, fit_lanes(target, group.body.value(x).shape[1])) == 1;
}

std::vector<Config> channels_space(const Group& group, const Target& target) {
  const ChannelGroups g = channel_groups(group);
  // Blocks of about 64 KiB, at most 64 an image.
  const int64_t bytes = g.places * g.channels * 4;
  const int64_t blocks = std::clamp<int64_t>(std::min(bytes >> 16, g.places / kRun), 1, 64);
  std::vector<Config> configs;
  const auto add = [&](int64_t b, int64_t p) {
    Config config{{{"blocks", b}, {"parts", p}}};
    if (std::find(configs.begin(), configs.end(), config) == configs.end())
      configs.push_back(std::move(config));
  };
  if (const auto parts = parts_of_one_launch(g, target)) add(1, *parts);
  add(blocks, 1);
  add(1, std::min<int64_t>(g.groups, 4));
  add(divide_up(blocks, 4), std::min<int64_t>(g.groups, 2));
  return configs;
}

Program build_group_norm_channels(const Group& group, const Target& target, const Config& config) {
  const Layout layout(group, target, config);
  Program program;
  if (layout.blocks == 1) {
    program.main.push_back(one_launch(group, layout, target));
    return program;
  }
  program.main.push_back(sums_launch(group, layout, target));
  program.main.push_back(combination_launch(group, layout, target));
  program.temporary_bytes.push_back(layout.size() * 4);
  return program;
}

}  // namespace tempera::lower
