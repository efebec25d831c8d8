#include "lower/schedules/channel_moments.h"

#include <algorithm>

#include "lower/schedules/block_moments.h"
#include "lower/schedules/row_moments.h"
#include "lower/schedules/vectorize.h"

namespace tempera::lower {

using graph::Group;
using kernel::Buffer;
using kernel::Config;
using kernel::Expr;
using kernel::Stmt;

namespace {

constexpr int64_t kRun = 64;  // places that a register sums before the next vector of channels

// x [images, channels, place_shape...]; parts of each image's places, of equal size but the last,
// whole runs.
struct Layout {
  graph::ValueId x;
  int64_t images, channels, places, part_places, parts;
  Shape place_shape;
  int lanes;

  Layout(const Group& group, const Target& target, int64_t wanted_parts)
      : x(group.body.node(group.anchor).inputs[0]) {
    const Shape& shape = group.body.value(x).shape;
    images = shape[0];
    channels = shape[1];
    place_shape.assign(shape.begin() + 2, shape.end());
    places = element_count(place_shape);
    part_places = divide_up(divide_up(places, wanted_parts), kRun) * kRun;
    parts = divide_up(places, part_places);
    lanes = fit_lanes(target, channels);
  }
  Index index(const Expr& image, const Expr& at, const Expr& place) const {
    Index digits(place_shape.size());
    std::vector<int> dims;
    for (size_t d = 0; d < digits.size(); ++d) dims.push_back(static_cast<int>(d));
    spread(place, place_shape, dims, digits);
    digits.insert(digits.begin(), {image, at});
    return digits;
  }
};

bool has_channels_innermost(const Group& group, const Target& target) {
  const graph::ValueId x = group.body.node(group.anchor).inputs[0];
  return innermost_dimension(group, x, fit_lanes(target, group.body.value(x).shape[1])) == 1;
}

// An iteration makes the moments of one part of the places, a vector of channels and a run of
// places at a time.
Program by_parts(const Group& group, const Layout& l) {
  GroupAccess access(group);
  const BlockMoments moments(group, l.parts, l.lanes);
  const int64_t columns = divide_up(l.channels, l.lanes) * l.lanes;
  const Buffer scratch = kernel::make_buffer("sums", {DType::f32, 1}, kernel::Space::workgroup,
                                             BlockMoments::kRows * columns);
  const auto each_vector = [&](const std::function<Stmt(const Expr&, const Expr&)>& body) {
    return kernel::serial("v", number(columns / l.lanes), [&](const Expr& v) {
      const Expr first = v * number(l.lanes);
      return body(first, mask_below(kernel::ramp(first, 1, l.lanes), l.channels, l.lanes));
    });
  };
  const auto iteration = [&](const Expr& image, const Expr& part) {
    const Expr begin = part * number(l.part_places);
    const Expr places = kernel::min(number(l.part_places), number(l.places) - begin);
    const auto add_run = [&](const Expr& run) {
      return each_vector([&](const Expr& first, const Expr& mask) {
        const BlockMoments::Sums sums = moments.make_sums();
        const Expr count = kernel::min(number(kRun), places - run * number(kRun));
        const Stmt adds = kernel::serial("place", count, [&](const Expr& i) {
          const Expr place = run * number(kRun) + i;
          const Index index = l.index(image, kernel::ramp(first, 1, l.lanes), begin + place);
          return moments.add(sums, access.value_at(l.x, index, mask), place == Expr(0));
        });
        return moments.around(scratch, columns, first, sums, adds);
      });
    };
    const Stmt finish = each_vector([&](const Expr& first, const Expr& mask) {
      return moments.store(access, scratch, columns, first, image * number(l.parts) + part,
                           kernel::ramp(first, 1, l.lanes), places, mask);
    });
    const Expr runs = (places + (kRun - 1)) / number(kRun);
    return kernel::allocate(scratch, kernel::block({kernel::serial("run", runs, add_run), finish}));
  };
  const Stmt body = kernel::grid("image", number(l.images), [&](const Expr& image) {
    return kernel::grid("part", number(l.parts),
                        [&](const Expr& part) { return iteration(image, part); });
  });
  Program program;
  program.main.push_back(access.launch("channel_moments", body));
  moments.add_join(program);
  return program;
}

Program by_rows(const Group& group, const Layout& l, const Target& target) {
  std::vector<int64_t> axes;
  for (size_t d = 2; d < l.place_shape.size() + 2; ++d) axes.push_back(static_cast<int64_t>(d));
  const RowSpace rows(group, l.x, axes, target);
  const Expr count =
      kernel::constant({DType::f32, rows.row_lanes()}, static_cast<double>(l.places));
  GroupAccess access(group);
  const RowMoments moments{
      .rows = rows,
      .value = [&](const Index& index,
                   const Expr& mask) { return access.value_at(l.x, index, mask); },
      .finish =
          [&](const Index& row, const Expr& mask, const Expr& mean, const Expr& variance) {
            const auto keep = [&](ChannelRecords::Row of, const Expr& value) {
              return access.store_results({row[0], row[1] + number(of * l.channels)}, {value},
                                          mask);
            };
            return kernel::block({keep(ChannelRecords::kCount, count),
                                  keep(ChannelRecords::kMean, mean),
                                  keep(ChannelRecords::kSquares, variance * count)});
          }};
  constexpr int64_t kBlock = 16384;
  const Stmt body = each_rows_moments(moments, kBlock);
  Program program;
  program.main.push_back(access.launch("channel_moments", body));
  return program;
}

bool accepts(const Group& group, const Target&) {
  return group.anchor >= 0 && group.body.node(group.anchor).op == graph::Op::channel_moments;
}

// Parts of about 64 KiB, at most 64 an image.
std::vector<Config> space(const Group& group, const Target& target) {
  const Layout l(group, target, 1);
  const int64_t parts =
      std::clamp<int64_t>(std::min(l.places * l.channels * 4 >> 16, l.places / kRun), 1, 64);
  return choices("parts", {parts, divide_up(parts, 4)});
}

int64_t moment_parts(const Group& group, const Target& target, const Config& config) {
  if (!has_channels_innermost(group, target)) return 1;
  return Layout(group, target, config.at("parts")).parts;
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  const Layout layout(group, target, config.at("parts"));
  return has_channels_innermost(group, target) ? by_parts(group, layout)
                                               : by_rows(group, layout, target);
}

}  // namespace

const Schedule kChannelMoments = {"channel_moments",
                                  "counts, means and squares of an image's channels",
                                  accepts,
                                  space,
                                  build,
                                  nullptr,
                                  moment_parts};

}  // namespace tempera::lower
