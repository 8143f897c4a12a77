"""Each promise, the code that keeps it, and the test that fails without that code."""

from __future__ import annotations

from typing import NamedTuple


class Promise(NamedTuple):
    """One promise and how to break it.

    Args:
        text: what is promised.
        file: of the package.
        old: text that stands in the file exactly once.
        new: what takes its place; the promise is broken then.
        test: a pytest node, or several between spaces, at least one of which must fail.
    """

    text: str
    file: str
    old: str
    new: str
    test: str


_FUZZ = "tests/faults/test_fuzz.py::test_no_input_breaks_a_reader"
_SCENARIOS = "tests/faults/test_scenarios.py"
_BOUNDS = "tests/faults/test_bounds.py"
_DIVERSION = "tests/delivery/test_diversion.py"
_JOURNAL = "tests/delivery/test_journal_files.py"
_ORPHANS = "tests/delivery/test_orphans.py"
_MATRIX = "tests/faults/test_matrix.py"

PROMISES = (
    # -- every accepted line is delivered, or counted as lost with its reason -------------------
    Promise(
        "records that Firehose refused one by one are sent again",
        "_delivery/booking.py",
        "self._batcher.again(failed)",
        "self._batcher.lose(failed, REFUSED)",
        "tests/delivery/test_delivery.py::test_only_failed_records_are_sent_again",
    ),
    Promise(
        "a call that failed as a whole is sent again",
        "_delivery/booking.py",
        "        self._batcher.again(records)\n        self.not_before =",
        "        self._batcher.lose(records, REFUSED)\n        self.not_before =",
        "tests/delivery/test_delivery.py::test_failed_call_is_sent_again_after_a_wait",
    ),
    Promise(
        "an unknown error never costs a line",
        "_delivery/retry.py",
        "    return AGAIN\n\n\nclass Backoff",
        "    return NEVER\n\n\nclass Backoff",
        "tests/delivery/test_retry.py::test_unknown_errors_never_lose_lines",
    ),
    Promise(
        "calls to a stream that throttles are put off",
        "_delivery/booking.py",
        "        self._space(now, stored=not failed)\n",
        "        self._space(now, stored=True)\n",
        "tests/delivery/test_pace.py::test_calls_to_a_stream_that_throttles_are_put_off",
    ),
    Promise(
        "what is pressing is not put off for a stream that throttles",
        "_delivery/steps.py",
        "if asked.closing or inline or batcher.queued_bytes >= asked.trigger_bytes:",
        "if inline:",
        "tests/delivery/test_pace.py::test_what_is_pressing_is_not_put_off",
    ),
    Promise(
        "an answer with too few results is no success",
        "_delivery/booking.py",
        "if codes is not None and len(codes) == len(records):",
        "if codes is not None:",
        "tests/delivery/test_delivery.py::test_wrong_count_of_results_is_no_success",
    ),
    Promise(
        "memory for undelivered lines stays under its bound",
        "_delivery/batch.py",
        "if pending + size > self._capacity and not self._make_room(size):",
        "if False:",
        "tests/delivery/test_batch.py::test_oldest_lines_make_room",
    ),
    Promise(
        "losses are told in the log stream when delivery works again",
        "_delivery/caller.py",
        "        if self._booking.stored and backlog.losses.to_tell:\n",
        "        if False:\n",
        "tests/delivery/test_delivery.py::test_losses_are_told_in_the_stream",
    ),
    Promise(
        "when the line that tells losses is lost, they are told again",
        "_delivery/losses.py",
        "        ledger.tell_again(told)\n",
        "",
        f"{_BOUNDS}::test_a_told_loss_that_is_lost_is_told_again",
    ),
    Promise(
        "losses that a process did not live to tell are told by the next one",
        "_delivery/journal.py",
        "self._journal.keep_losses(untold)",
        "pass",
        f"{_MATRIX}::test_what_stays_is_told",
    ),
    Promise(
        "a delivery thread that died is replaced, with what it had in flight",
        "_delivery/caller.py",
        "        self._booking.abandoned(self._clock.now())\n",
        "        pass\n",
        f"{_SCENARIOS}::test_the_delivery_thread_dies_and_is_replaced",
    ),
    Promise(
        "an init error and what led to it are delivered before the process ends",
        "_runtime.py",
        "process.streams.flush(INIT_ERROR_TIMEOUT, urgent=True)",
        "pass",
        f"{_BOUNDS}::test_an_init_error_is_delivered_though_the_process_is_killed",
    ),
    Promise(
        "everything logged so far is delivered shortly before a time-out",
        "_extension/lifecycle.py",
        "if self._early_at is not None and now >= self._early_at:",
        "if False:",
        "tests/extension/test_lifecycle.py::test_early_flush_before_a_time_out",
    ),
    Promise(
        "SIGTERM delivers what is pending, also while native code blocks the main thread",
        "_extension/companion.py",
        "if self._inbox.fileno() in ready and self._inbox.read_signals():",
        "if False:",
        "tests/e2e/test_lifecycle.py::test_sigterm_while_idle",
    ),
    Promise(
        "a function that computes does not keep the flush before its deadline waiting",
        "_extension/on_demand.py",
        "                self._switches.shorten()\n",
        "                pass\n",
        "tests/e2e/test_small_processor.py::test_a_time_out_on_a_sixth_of_a_processor",
    ),
    Promise(
        "nor the last one",
        "_extension/last_flush.py",
        "        self._switches.shorten()\n",
        "        pass\n",
        "tests/e2e/test_small_processor.py::test_a_time_out_on_a_sixth_of_a_processor",
    ),
    Promise(
        "the function's own SIGTERM handler runs",
        "_shutdown.py",
        "        _previous(number, frame)",
        "        pass",
        "tests/e2e/test_lifecycle.py::test_the_functions_own_sigterm_handler",
    ),
    Promise(
        "where an exit can have no thread any more, the last flush takes over what others left",
        "_delivery/dispatcher.py",
        "        self._recover_last()\n",
        "",
        "tests/delivery/test_delivery.py::test_no_thread_at_the_exit[0]",
    ),
    Promise(
        "the last flush is not stuck behind a call that hangs",
        "_delivery/dispatcher.py",
        "            self._backlog.exclusively(self._replace_worker)\n",
        "            pass\n",
        "tests/delivery/test_delivery.py::test_a_call_that_hangs_keeps_nothing_back",
    ),
    Promise(
        "a request is signed anew whenever it is made again",
        "_firehose/direct.py",
        "            return self._send(records, timeout)\n        return outcome\n",
        "            return outcome\n        return outcome\n",
        "tests/firehose/test_direct.py::test_a_signature_that_grew_old_is_made_anew",
    ),
    # -- the other way out: FIREHOSE_LOGGING_PASSTHROUGH=undelivered ------------------------------
    Promise(
        "what a full buffer would drop goes to the runtime's own output",
        "_delivery/batch.py",
        "        return ((record, BUFFER_FULL),), ledger.lost\n",
        "        return (), {**ledger.lost, BUFFER_FULL: ledger.losing(BUFFER_FULL, 1)}\n",
        f"{_DIVERSION}::test_what_a_full_buffer_would_drop_is_written",
    ),
    Promise(
        "what is refused for good goes to the runtime's own output",
        "_delivery/batch.py",
        "            out = tuple((record, reason) for record in held)\n",
        "            pass\n",
        f"{_DIVERSION}::test_what_is_refused_for_good_is_written",
    ),
    Promise(
        "what is pending at the end goes to the runtime's own output",
        "_delivery/diversion.py",
        "        self._backlog.exclusively(self._backlog.batcher.spill)\n",
        "",
        f"{_DIVERSION}::test_at_the_end_everything_pending_is_written",
    ),
    Promise(
        "it goes there before the platform kills the process",
        "_extension/last_flush.py",
        "                deliveries.divert()\n",
        "                pass\n",
        "tests/extension/test_last_flush.py"
        "::test_what_is_still_pending_goes_the_other_way_out_in_time",
    ),
    Promise(
        "what the function logs after that goes there too",
        "_extension/last_flush.py",
        "        if oldest is not None or not deliveries.recovered:\n",
        "        if not self._diverted:\n",
        "tests/extension/test_last_flush.py"
        "::test_what_the_function_logs_after_that_goes_the_same_way",
    ),
    Promise(
        "what an earlier process left goes there too",
        "_delivery/delivery.py",
        "            self.dispatcher.recovery.finish(self._diversion.finish)\n",
        "",
        f"{_DIVERSION}::test_what_an_earlier_process_left_is_written_at_the_end",
    ),
    Promise(
        "a kill leaves no part of a line there that a pipe takes at once",
        "_delivery/diversion.py",
        "view[at : end or at + PIPE_BYTES]",
        "view[at : at + PIPE_BYTES]",
        f"{_DIVERSION}::test_lines_are_written_whole",
    ),
    Promise(
        "a line that was written there counts as diverted",
        "_delivery/batch.py",
        "        ledger.diverted += record.lines\n",
        "",
        f"{_DIVERSION}::test_at_the_end_everything_pending_is_written",
    ),
    Promise(
        "how many lines went there is told in the log stream",
        "_delivery/ledger.py",
        "        return [*self.lost.items(), (DIVERTED, self.diverted)]",
        "        return [*self.lost.items()]",
        f"{_DIVERSION}::test_what_a_full_buffer_would_drop_is_written",
    ),
    Promise(
        "what we wrote there does not come back through function telemetry",
        "_extension/telemetry.py",
        'if kind == "function" and self._is_ours(record):',
        "if False:",
        "tests/extension/test_telemetry.py::test_what_we_wrote_ourselves_does_not_come_back",
    ),
    Promise(
        "SIGTERM outside Lambda delivers what is pending",
        "_shutdown.py",
        "if _deliver is not None and not _deliver(ends=_previous == _signal.SIG_DFL):",
        "if False:",
        "tests/package/test_shutdown.py::test_sigterm_without_a_handler",
    ),
    Promise(
        "SIGTERM that somebody gave back to its default is taken again",
        "_shutdown.py",
        "    if _signal.getsignal(_signal.SIGTERM) in (_signal.SIG_DFL, _signal.SIG_IGN):\n"
        "        _take_over()\n",
        "",
        "tests/package/test_shutdown.py::test_sigterm[default]",
    ),
    Promise(
        "without an extension lines are delivered after each response",
        "_runtime.py",
        "streams.flush(0 if streams.failing else LATE_TIMEOUT)",
        "pass",
        "tests/e2e/test_late_handler.py::test_delivered_after_the_response",
    ),
    Promise(
        "the next event is asked for however long the API is away",
        "_extension/next_event.py",
        "        self._retry_at = now + self._delay\n",
        "        self._retry_at = None\n",
        "tests/extension/test_next_event.py::test_an_hour_without_the_api",
    ),
    Promise(
        "what the package says about itself is in the stream",
        "_diagnostics.py",
        "            _sink(*_kept.popleft())\n",
        "            _kept.popleft()\n",
        "tests/package/test_diagnostics.py::test_the_stream_is_told_too",
    ),
    # -- the crash journal ----------------------------------------------------------------------
    Promise(
        "after SIGKILL at any moment the next process delivers what was accepted",
        "_delivery/backlog.py",
        "                    journal.append(index, line, now,",
        '                    journal.append(index, b"", now,',
        f"{_MATRIX}::test_sigkill_at_random_moments",
    ),
    Promise(
        "a line that a kill cut short in the journal is not taken for one",
        "_delivery/segment.py",
        "        self._map[start:end] = line\n"
        "        words[after >> 3] = 0\n"
        "        words[at >> 3] = head\n",
        "        words[at >> 3] = head\n"
        "        words[after >> 3] = 0\n"
        "        self._map[start:end] = line\n",
        "tests/delivery/test_segment.py::test_killed_between_any_two_stores",
    ),
    Promise(
        "nothing of an earlier use of a journal file comes back",
        "_delivery/segment.py",
        "        words[after >> 3] = 0\n        words[at",
        "        words[at",
        "tests/delivery/test_segment.py::test_a_restart_forgets",
    ),
    Promise(
        "a journal file that somebody has cut gives whole lines alone",
        "_delivery/segment_reader.py",
        'not size or line.find(b"\\n") != size - 1',
        "not size",
        "tests/delivery/test_segment_reader.py::test_a_file_that_was_cut_ends_the_reading",
    ),
    Promise(
        "a living process keeps its journal",
        "_delivery/orphans.py",
        "            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "",
        f"{_FUZZ}[journal,",
    ),
    Promise(
        "symlinks in the journal's folder are not followed",
        "_delivery/orphans.py",
        "flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK",
        "flags = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK",
        f"{_FUZZ}[journal,",
    ),
    Promise(
        "nobody else can read the journal",
        "_delivery/segment.py",
        "return os.open(path, flags | os.O_RDWR | os.O_CLOEXEC, 0o600)",
        "return os.open(path, flags | os.O_RDWR | os.O_CLOEXEC, 0o644)",
        "tests/faults/test_secrets.py::test_the_journal_is_ours_alone",
    ),
    Promise(
        "a full /tmp costs the journal and nothing else, and that is told",
        "_delivery/journal.py",
        "        if journal.trouble is not None:\n",
        "        if False:\n",
        f"{_SCENARIOS}::test_the_disk_is_full",
    ),
    Promise(
        "what dead processes leave in /tmp is bounded",
        "_delivery/orphans.py",
        "                    excess -= sum(size for _, _, size, _, _ in held)\n",
        "                    excess = 0\n",
        f"{_BOUNDS}::test_what_dead_processes_leave_is_bounded",
    ),
    Promise(
        "a journal that the function deletes is made anew",
        "_delivery/journal_files.py",
        "            if segments and not segments[self._looks % len(segments)].is_there:\n",
        "            if False:\n",
        f"{_JOURNAL}::test_deleted_files_are_made_anew_with_what_they_held",
    ),
    Promise(
        "that is noticed at the end of an invocation too, though no line comes",
        "_extension/on_demand.py",
        "        self._deliveries.look_after_journals()\n",
        "",
        "tests/extension/test_on_demand.py::test_journals_are_looked_after_when_an_invocation_ends",
    ),
    Promise(
        "what a dead process left is read though the function empties /tmp first",
        "_delivery/orphans.py",
        "                self._claimed[process] = held\n",
        "                pass\n",
        f"{_ORPHANS}::test_what_was_claimed_survives_an_emptied_folder",
    ),
    Promise(
        "a new journal file says from the start what the one before it said",
        "_delivery/segment.py",
        "    made[: len(contents)] = contents\n",
        "    made[:12] = contents[:12]\n",
        "tests/delivery/test_segment.py::test_a_file_is_whole_before_it_has_its_name",
    ),
    Promise(
        "losses that it did not live to tell are noted before it is emptied",
        "_delivery/orphans.py",
        "                        note(lost)\n",
        "                        pass\n",
        "tests/delivery/test_recovery.py::test_losses_are_noted_before_what_told_them_is_emptied",
    ),
    Promise(
        "it is taken hold of before the function's code runs",
        "_process.py",
        '                attempt("crash journal", delivery.backlog.journal.claim)\n',
        "                pass\n",
        "tests/package/test_process.py::test_what_dead_processes_left_is_claimed_at_the_start",
    ),
    Promise(
        "no name of ours goes while the function may be emptying /tmp",
        "_delivery/orphans.py",
        "                self._emptied.append((name, inode))\n",
        "                self._delete(name, inode)\n",
        f"{_ORPHANS}::test_no_name_goes_while_the_function_may_have_listed_it",
    ),
    Promise(
        "the journal leaves the function room in /tmp",
        "_delivery/journal_files.py",
        "if space.f_bavail * space.f_frsize - size < RESERVE_BYTES:",
        "if False:",
        f"{_JOURNAL}::test_a_reserve_of_free_space_is_left",
    ),
    Promise(
        "journals are bounded, whoever lives",
        "_delivery/journal_files.py",
        "sum(taken for _, taken, _ in files_of(self._folder, self._prefix)) + size > MAX_BYTES",
        "False",
        f"{_JOURNAL}::test_all_journals_together_are_bounded",
    ),
    Promise(
        "what had been delivered before the last confirmation is not taken over",
        "_delivery/journal_files.py",
        "        if segments:\n            segments[-1].forget(*self._settled)\n",
        "",
        f"{_JOURNAL}::test_what_was_settled_is_not_taken_over",
    ),
    Promise(
        "lines that found no room in the journal are counted by the next process",
        "_delivery/journal_files.py",
        "            self._segments[-1].leave_out(*self._not_kept)\n",
        "            pass\n",
        f"{_JOURNAL}::test_lines_in_memory_alone_are_counted_by_the_next_process",
    ),
    Promise(
        "losses are handed on where the journal has no room",
        "_delivery/journal_files.py",
        "            if not self._segments:\n                self._make_header()\n\n",
        "",
        f"{_JOURNAL}::test_losses_are_handed_on_where_there_is_no_room",
    ),
    Promise(
        "what a forked child leaves by os._exit is delivered by its parent",
        "_delivery/recovery.py",
        "        self.due = self.due or self._has_children\n",
        "",
        "tests/delivery/test_children.py::test_what_children_leave_is_delivered_by_the_parent",
    ),
    Promise(
        "whoever joins a child of a function never waits for Firehose",
        "_process.py",
        "if in_lambda and self._is_child and workers is None and self.streams.are_kept():",
        "if False:",
        "tests/delivery/test_children.py::test_a_child_never_calls_firehose_at_its_exit",
    ),
    Promise(
        "a child that is forked while a thread of ours imports something does not hang",
        "_process.py",
        "        forget_imports(_threads.own)\n",
        "",
        "tests/package/test_fork.py::test_a_fork_beside_our_import_needs_nobodys_help",
    ),
    Promise(
        "a module that a line needs is never seen half made",
        "_bundle.py",
        "        _run(module, self._read(code), sys.modules)\n",
        "        sys.modules[name] = module\n        _run(module, self._read(code), sys.modules)\n",
        "tests/package/test_bundle.py::test_nobody_sees_it_half_made",
    ),
    Promise(
        "a module of which two threads made one each is the same for all",
        "_bundle.py",
        "            setattr(sys.modules[parent], own, everybodys)\n",
        "            pass\n",
        "tests/package/test_bundle.py::test_of_two_threads_that_make_it_one_makes_everybodys",
    ),
    Promise(
        "a finalizer that logs when the interpreter ends waits for no thread that is gone",
        "_delivery/last_lock.py",
        "            self._lock = RLock()\n",
        "            return\n",
        "tests/delivery/test_last_lock.py::test_nobody_waits_for_a_thread_that_is_gone",
    ),
    Promise(
        "what lacks descriptors when it begins is tried again after the next handler's end",
        "_extension/extension.py",
        "            if self._inbox.rest(LOOK_EVERY):\n                break\n\n",
        "            self._inbox.rest(LOOK_EVERY)\n\n",
        "tests/extension/test_extension.py::test_it_is_tried_again_when_it_matters",
    ),
    Promise(
        "a flush that cannot begin raises nothing",
        "_delivery/delivery.py",
        "            if isinstance(error, RecursionError) or not is_its_own(error):\n",
        "            if error:\n",
        "tests/delivery/test_delivery.py::test_a_flush_that_cannot_begin_says_what_is_pending",
    ),
    Promise(
        "an import that the function's exception broke off can be made again",
        "_bundle.py",
        "        code = self._codes[short]\n",
        "        code = self._codes.pop(short)\n",
        "tests/package/test_bundle.py::test_a_module_that_raised_is_there_for_the_next_import",
    ),
    Promise(
        "the journal stays near the buffer's bound while a call hangs",
        "_delivery/journal_files.py",
        "            self._remove_between(*gap)\n",
        "            pass\n",
        f"{_BOUNDS}::test_a_call_that_hangs_does_not_let_the_journal_grow",
    ),
    Promise(
        "a refused call keeps no memory",
        "_firehose/direct.py",
        "            del failure\n",
        "            pass\n",
        f"{_BOUNDS}::test_a_refused_connection_keeps_no_request",
    ),
    # -- the function never notices -------------------------------------------------------------
    Promise(
        "the hold after a response is bounded",
        "_extension/lifecycle.py",
        "min(now + HOLD_LIMIT, self._deadline - LAST_MOMENT)",
        "self._deadline - LAST_MOMENT",
        f"{_SCENARIOS}::test_firehose_is_gone_and_comes_back",
    ),
    Promise(
        "nobody is held while the stream is failing",
        "_extension/lifecycle.py",
        "in_vain = failing or self._overdue",
        "in_vain = self._overdue",
        "tests/extension/test_lifecycle.py::test_failing_stream_holds_nobody",
    ),
    Promise(
        "a call that hangs is waited for once, not by every invocation",
        "_extension/lifecycle.py",
        "in_vain = failing or self._overdue",
        "in_vain = failing",
        f"{_SCENARIOS}::test_firehose_is_gone_and_comes_back",
    ),
    Promise(
        "the next event is asked for before the deadline, whatever happened",
        "_extension/lifecycle.py",
        "            self._missed_end = True\n            if self._state == RUNNING:\n",
        "            self._missed_end = True\n            if False:\n",
        f"{_SCENARIOS}::test_nobody_tells_that_the_handler_is_done",
    ),
    Promise(
        "an end that nobody tells is awaited once, not every time",
        "_extension/lifecycle.py",
        "            self._missed_end = True\n",
        "",
        f"{_SCENARIOS}::test_nobody_tells_that_the_handler_is_done",
    ),
    Promise(
        "a listener that keeps failing does not burn the processor",
        "_extension/companion.py",
        "if self._failures == GIVE_UP_LISTENER and self._listener is not None:",
        "if False:",
        f"{_SCENARIOS}::test_the_listener_dies",
    ),
    Promise(
        "a listener without descriptors rests",
        "_extension/listener.py",
        "            self._paused_until = now + PAUSE\n",
        "",
        "tests/extension/test_listener.py::test_no_descriptor_is_left",
    ),
    Promise(
        "telemetry comes from the platform's addresses only",
        "_extension/listener.py",
        "        if not self._is_platform(address[0]) or not self._has_room():\n",
        "        if not self._has_room():\n",
        "tests/extension/test_listener.py::test_only_the_platforms_addresses_are_let_in",
    ),
    Promise(
        "of those that are none the first is told",
        "_extension/listener.py",
        '            once="stranger",\n',
        "            once=None,\n",
        "tests/extension/test_listener.py::test_the_first_refused_is_told",
    ),
    Promise(
        "a taken port falls back to a free one",
        "_extension/subscription.py",
        "        server = open_port(0)\n",
        "        server = open_port(port)\n",
        "tests/e2e/test_messages.py::test_wrong_settings_and_a_taken_port_are_in_the_stream",
    ),
    Promise(
        "Lambda's own API may post, wherever it is",
        "_extension/listener.py",
        "if host.startswith(_PEERS) or host == self._api_host:",
        "if host.startswith(_PEERS):",
        "tests/extension/test_listener.py::test_lambdas_own_address_may_post",
    ),
    Promise(
        "where no thread can be started the extension's own delivers",
        "_extension/on_demand.py",
        "            if self._deliveries.lacks_thread:\n",
        "            if False:\n",
        "tests/extension/test_on_demand.py::test_without_a_thread_the_companion_delivers",
    ),
    Promise(
        "no exception of a log call reaches the function",
        "_capture/records.py",
        "if isinstance(error, Exception) and is_its_own(error):",
        "if isinstance(error, ZeroDivisionError):",
        "tests/package/test_handler.py::test_hopeless_record_is_counted",
    ),
    Promise(
        "a log call that interrupts another one neither hangs nor breaks it",
        "_delivery/backlog.py",
        "        if is_held_here():\n            return\n",
        "",
        f"{_BOUNDS}::test_a_line_that_interrupts_another_comes_after_it",
    ),
    Promise(
        "a forked child starts empty, the parent's lines arrive once",
        "_bootstrap.py",
        'if hasattr(os, "register_at_fork"):',
        "if False:",
        "tests/package/test_handler.py::test_fork",
    ),
    Promise(
        "a second logging configuration outside Lambda does not wait for a delivery",
        "handler.py",
        "waits = not delivery.failing and not _holds_loggings_lock()",
        "waits = not delivery.failing",
        "tests/package/test_handler.py::test_a_second_configuration_does_not_wait_for_the_sdk",
    ),
    Promise(
        "what the SDK logs about our deliveries does not feed back",
        "handler.py",
        "if _threads.is_about_us(record.name):",
        "if False:",
        "tests/package/test_handler.py::test_what_the_sdk_logs_on_our_threads_is_not_sent",
    ),
    # -- hostile telemetry ----------------------------------------------------------------------
    Promise(
        "a body over the bound is refused before it is kept",
        "_http.py",
        "        self._check_size(self._wanted)\n",
        "",
        f"{_BOUNDS}::test_a_body_over_the_bound_is_refused_before_it_comes",
    ),
    Promise(
        "one bad event costs one event",
        "_extension/telemetry_batch.py",
        "            return events + more, bad + worse",
        "            return events, bad + 1",
        f"{_FUZZ}[telemetry",
    ),
    Promise(
        "a batch that is posted twice is taken once",
        "_extension/telemetry_batch.py",
        "if mark in self._seen:",
        "if False:",
        f"{_FUZZ}[telemetry",
    ),
    # -- nothing secret is written --------------------------------------------------------------
    Promise(
        "credentials never appear, even when an answer repeats them",
        "_diagnostics.py",
        '        text = text.replace(value, "[masked]")',
        "        pass",
        "tests/faults/test_secrets.py::test_credentials_never_leave",
    ),
    Promise(
        "a line whose redaction raises is withheld",
        "_line/redact.py",
        '        return [f\'{start},"code":"redaction_withheld","message":{message}\']',
        "        return [body]",
        "tests/package/test_handler.py::test_redact",
    ),
    # -- a line that readers take ---------------------------------------------------------------
    Promise(
        "no two columns of a line differ in case only",
        "_line/schema.py",
        "if folded not in self._taken and self._owners.setdefault(folded, name) == name:",
        "if folded not in self._taken:",
        "tests/line/test_schema.py::test_what_is_learnt_changes_nothing",
    ),
    Promise(
        "an attribute that a filter takes off a record hides no extra",
        "_line/schema.py",
        "                return members if name == last else self.extras_of(own, 0)\n",
        "                return members\n",
        "tests/line/test_schema.py::test_one_of_loggings_own_that_is_gone_hides_no_extra",
    ),
    Promise(
        "a record from before an invocation does not get its id",
        "_line/context.py",
        "            if created < invocation.began:\n                return None\n",
        "",
        "tests/capture/test_plain_records.py::test_a_record_from_before_the_invocation",
    ),
    Promise(
        "a message is what its record's class makes of it",
        "formatter.py",
        "            or _LogRecord.getMessage is not _GET_MESSAGE\n",
        "",
        "tests/capture/test_plain_records.py::test_a_patched_get_message_is_asked",
    ),
    Promise(
        "what a value raises when it is shown stays with us",
        "_line/foreign.py",
        "        if is_its_own(error):\n            return stand_in(value)",
        "        pass",
        "tests/line/test_foreign.py::test_what_a_repr_raises_stays_here",
    ),
    Promise(
        "what a signal handler raises passes",
        "_line/foreign.py",
        "    return not codes & _codes(error)",
        "    return True",
        "tests/line/test_foreign.py::test_exceptions_of_signal_handlers_pass",
    ),
    Promise(
        "fields with repr=False are no columns",
        "_line/values.py",
        'if f.repr and getattr(f._field_type, "name", "") == "_FIELD"]',
        'if getattr(f._field_type, "name", "") == "_FIELD"]',
        "tests/line/test_values.py::test_what_people_log",
    ),
    Promise(
        "certificate and host name are checked, whoever is trusted",
        "_firehose/trust.py",
        "            context.minimum_version = _TLS_1_2",
        "            context.check_hostname = False",
        "tests/firehose/test_trust.py::test_never_less_strict",
    ),
    Promise(
        "the whole bundle is tried before a connection is given up",
        "_firehose/direct.py",
        "                if self._trust.widen():\n                    continue\n",
        "",
        "tests/firehose/test_trust.py::test_an_authority_beside_amazons",
    ),
)
