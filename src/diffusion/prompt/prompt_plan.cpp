#include "diffusion/prompt/prompt_plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <string>

#include "diffusion/prompt/prompt_parts.h"
#include "diffusion/prompt/schedule_grammar.h"

namespace tempera::diffusion {
namespace {

constexpr int64_t kMostChunks = 128;

// One text of the plan: its rows that differ, which of them each step takes, and which there are
// from one change to the next.
struct RowSchedule {
  std::vector<PromptRow> rows;
  std::vector<size_t> of_step;
  std::vector<size_t> changes = {0};
};

class Reader {
 public:
  Reader(const Tokenizer& tokenizer, int64_t length, int64_t steps, int64_t steps_before)
      : tokenizer_(tokenizer), length_(length), steps_(steps), steps_before_(steps_before) {}

  RowSchedule plain(std::string_view text) const {
    return {{{plain_chunk(text, tokenizer_, length_)}},
            std::vector<size_t>(static_cast<size_t>(steps_), 0)};
  }

  RowSchedule scheduled(std::string_view text) const {
    RowSchedule result{.changes = {}};
    std::map<std::string, size_t> known;
    for (const ScheduledText& entry : parse_schedule(text, steps_, steps_before_)) {
      const auto [at, is_new] = known.emplace(entry.text, result.rows.size());
      if (is_new)
        result.rows.push_back(split_chunks(parse_attention(entry.text), tokenizer_, length_));
      result.of_step.resize(static_cast<size_t>(entry.last_step), at->second);
      result.changes.push_back(at->second);
    }
    make_equally_long(result.rows);
    return result;
  }

 private:
  void make_equally_long(std::vector<PromptRow>& rows) const {
    size_t longest = 0;
    for (const PromptRow& row : rows) longest = std::max(longest, row.size());
    for (PromptRow& row : rows) row.resize(longest, plain_chunk("", tokenizer_, length_));
  }

  const Tokenizer& tokenizer_;
  int64_t length_, steps_, steps_before_;
};

Status set_chunks(const std::vector<RowSchedule>& schedules, PromptPlan& plan) {
  const auto chunks_of = [](const RowSchedule& schedule) {
    return static_cast<int64_t>(schedule.rows[0].size());
  };
  const int64_t negative = plan.has_negative ? chunks_of(schedules[0]) : 1;
  for (size_t i = plan.has_negative ? 1 : 0; i < schedules.size(); ++i)
    plan.part_chunks = std::max(plan.part_chunks, chunks_of(schedules[i]));
  plan.chunks = std::max(negative, plan.part_chunks) > kMostChunks
                    ? kMostChunks + 1
                    : std::lcm(negative, plan.part_chunks);
  if (plan.chunks <= kMostChunks) return {};
  return error(ErrorCode::unsupported,
               "the prompts take {} and {} chunks of tokens, which meet at more than {}; make "
               "them shorter, or of equal length",
               negative, plan.part_chunks, kMostChunks);
}

void set_clip_skip(int64_t clip_skip, std::span<RowSchedule> schedules) {
  for (RowSchedule& schedule : schedules)
    for (PromptRow& row : schedule.rows)
      for (PromptChunk& chunk : row) chunk.clip_skip = clip_skip;
}

void set_mean_groups(std::span<RowSchedule> schedules, PromptPlan& plan) {
  for (RowSchedule& schedule : schedules)
    for (size_t place = 0; place < schedule.rows[0].size(); ++place) {
      std::vector<PromptChunk> group;
      for (const size_t row : schedule.changes) group.push_back(schedule.rows[row][place]);
      for (PromptRow& row : schedule.rows) row[place].mean_group = plan.mean_groups.size();
      plan.mean_groups.push_back(std::move(group));
    }
}

// The rows of a step, by text, make its context.
void set_contexts(const std::vector<RowSchedule>& schedules, size_t steps, PromptPlan& plan) {
  std::map<std::vector<size_t>, size_t> known;
  for (size_t step = 0; step < steps; ++step) {
    std::vector<size_t> choice;
    for (const RowSchedule& schedule : schedules) choice.push_back(schedule.of_step[step]);
    const auto [at, is_new] = known.emplace(choice, plan.contexts.size());
    if (is_new) {
      std::vector<PromptRow>& rows = plan.contexts.emplace_back();
      for (size_t i = 0; i < schedules.size(); ++i)
        rows.push_back(schedules[i].rows[schedules[i].of_step[step]]);
    }
    plan.of_step.push_back(at->second);
  }
}

}  // namespace

Result<PromptPlan> make_prompt_plan(const PromptTexts& texts, const PromptSettings& settings,
                                    const Tokenizer& tokenizer, int64_t length, int64_t steps) {
  const Reader reader(tokenizer, length, steps, settings.steps_before);
  const bool is_plain = settings.language == PromptLanguage::plain;
  PromptPlan plan{.has_negative = texts.negative != nullptr};
  std::vector<RowSchedule> schedules;
  const auto add = [&](std::string_view text) {
    schedules.push_back(is_plain ? reader.plain(text) : reader.scheduled(text));
  };
  if (texts.negative) add(*texts.negative);
  const std::vector<PromptPart> parts =
      is_plain ? std::vector<PromptPart>{{std::string(texts.prompt)}} : split_prompt(texts.prompt);
  for (const PromptPart& part : parts) {
    add(part.text);
    plan.part_weights.push_back(part.weight);
  }
  // diffusers reads the negative prompt with the whole text encoder.
  const size_t whole = is_plain && plan.has_negative ? 1 : 0;
  set_clip_skip(settings.clip_skip, std::span(schedules).subspan(whole));
  set_mean_groups(schedules, plan);
  TRY(set_chunks(schedules, plan));
  set_contexts(schedules, static_cast<size_t>(steps), plan);
  return plan;
}

}  // namespace tempera::diffusion
