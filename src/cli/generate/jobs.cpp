#include "cli/generate/jobs.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "api/run/batches.h"
#include "api/run/wildcards.h"
#include "base/log.h"
#include "cli/generate/picture_names.h"
#include "cli/generate/prompts_file.h"
#include "cli/generate/setting.h"

namespace tempera::cli {
namespace {

// Names of all jobs at once, so that no two are equal.
Status name_pictures(const GenerateFlags& flags, std::vector<Job>& jobs) {
  std::vector<PictureNumbers> pictures;
  for (const Job& job : jobs)
    for (const uint64_t seed : job.request.seeds)
      pictures.push_back(
          {seed, static_cast<int64_t>(pictures.size()), job.request.width, job.request.height});
  const bool by_index = !flags.prompts.file.empty();  // seeds may be others when it goes on later
  ASSIGN_OR_RETURN(
      const std::vector<std::string> names,
      picture_names(flags.output.pattern, pictures, by_index ? kIndexPattern : kDefaultPattern));
  auto name = names.begin();
  for (Job& job : jobs) {
    job.names.assign(name, name + std::ssize(job.request.seeds));
    name += std::ssize(job.request.seeds);
  }
  return {};
}

// What a grid's cells have in common where nothing is said: the first's seeds.
Result<std::vector<Job>> grid_jobs(const GenerateFlags& flags, const api::ModelInfo& info) {
  ASSIGN_OR_RETURN(const Axis x, parse_axis(flags.grid.x, "--grid-x"));
  ASSIGN_OR_RETURN(const Axis y, parse_axis(flags.grid.y, "--grid-y"));
  TRY(check_axis(x, "--grid-x"));
  TRY(check_axis(y, "--grid-y"));
  std::vector<Job> jobs;
  for (const std::vector<std::string>& cell : cells_of(x, y)) {
    GenerateFlags own = flags;
    if (!jobs.empty()) own.settings.seeds = jobs.front().request.seeds;
    TRY(parse_cell(cell, own));
    TRY(apply_flags(own));
    ASSIGN_OR_RETURN(diffusion::PictureRequest request, api::resolve(own.settings, info));
    jobs.push_back({std::move(request), {}, cell});
  }
  return jobs;
}

// A line's seeds follow those of the line before, unless there is a list of them.
Result<std::vector<Job>> line_jobs(const GenerateFlags& flags, const api::ModelInfo& info) {
  ASSIGN_OR_RETURN(const std::vector<std::string> prompts, read_prompts_file(flags.prompts.file));
  api::GenerateSettings settings = flags.settings;
  std::vector<Job> jobs;
  for (const std::string& prompt : prompts) {
    settings.prompt = prompt;
    ASSIGN_OR_RETURN(const diffusion::PictureRequest request, api::resolve(settings, info));
    if (settings.seeds.size() <= 1) settings.seeds = {request.seeds.front() + request.seeds.size()};
    for (diffusion::PictureRequest& part : api::split(request, flags.grid.batch_count))
      jobs.push_back({std::move(part), {}});
  }
  return jobs;
}

Status expand_wildcards(const std::string& folder, std::vector<Job>& jobs) {
  if (folder.empty()) return {};
  std::vector<Job> expanded;
  for (const Job& job : jobs) {
    ASSIGN_OR_RETURN(auto requests, api::with_wildcards(job.request, folder));
    for (diffusion::PictureRequest& request : requests)
      expanded.push_back({std::move(request), {}});
  }
  jobs = std::move(expanded);
  return {};
}

// What a run before this one has made.
void drop_finished(std::vector<Job>& jobs) {
  const auto exists = [](const std::string& name) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(name, ignored);
  };
  const size_t dropped =
      std::erase_if(jobs, [&](const Job& job) { return std::ranges::all_of(job.names, exists); });
  if (dropped > 0) log(LogLevel::info, "{} prompts have their pictures already", dropped);
}

}  // namespace

Result<std::vector<Job>> jobs_of(const GenerateFlags& flags, const api::ModelInfo& info) {
  std::vector<Job> jobs;
  if (flags.grid.is_given()) {
    if (flags.grid.batch_count > 1)
      return error(ErrorCode::invalid_argument, "both --batch-count and --grid-x; give one");
    if (!flags.save_latents.empty())
      return error(ErrorCode::invalid_argument,
                   "--save-latents is of one setting, without --grid-x");
    ASSIGN_OR_RETURN(jobs, grid_jobs(flags, info));
  } else if (!flags.prompts.file.empty()) {
    ASSIGN_OR_RETURN(jobs, line_jobs(flags, info));
  } else {
    ASSIGN_OR_RETURN(const diffusion::PictureRequest request, api::resolve(flags.settings, info));
    for (diffusion::PictureRequest& part : api::split(request, flags.grid.batch_count))
      jobs.push_back({std::move(part), {}});
  }
  TRY(expand_wildcards(flags.prompts.wildcard_dir, jobs));
  TRY(name_pictures(flags, jobs));
  if (!flags.prompts.file.empty()) drop_finished(jobs);
  return jobs;
}

const diffusion::PictureRequest& largest(const std::vector<Job>& jobs) {
  const auto size = [](const Job& job) {
    const double side = job.request.hires.scale;
    return static_cast<double>(job.request.width * job.request.height) * side * side *
           static_cast<double>(job.request.seeds.size());
  };
  return std::ranges::max_element(jobs, {}, size)->request;
}

}  // namespace tempera::cli
