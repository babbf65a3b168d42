;; UTF-16LE to UTF-8, eight code units at a time; see utf16-kernel.ts.
(module
  ;; At 0 stand 256 shuffles of 16 bytes, one for each set of lanes: of a lane in it both bytes are kept, of the others the first.
  (memory (export "memory") 3)

  ;; Converts the bytes from $from to $end, an even number of them, and writes from $to on. Gives where the UTF-8 ends. Gives 0 when half
  ;; of a surrogate pair stands in it, and when too many units take three or four bytes, which others convert faster.
  ;; Up to 16 bytes behind the end are overwritten.
  (func (export "convert") (param $from i32) (param $end i32) (param $to i32) (result i32)
    (local $units v128)
    (local $wide v128)
    (local $lanes i32)
    (local $unit i32)
    (local $low i32)
    (local $stop i32)
    ;; Blocks that may go one by one: four less for each, one more for each that does not.
    (local $budget i32)
    (local.set $budget (i32.const 16))
    (loop $next
      (block $one_by_one
        (if (i32.gt_s (local.get $from) (i32.sub (local.get $end) (i32.const 16)))
          (then
            (local.set $stop (local.get $end))
            (br $one_by_one)))
        (local.set $units (v128.load (local.get $from)))
        (if (v128.any_true (i16x8.gt_u (local.get $units) (i16x8.splat (i32.const 0x7ff))))
          (then
            (local.set $stop (i32.add (local.get $from) (i32.const 16)))
            (local.set $budget (i32.sub (local.get $budget) (i32.const 4)))
            (if (i32.lt_s (local.get $budget) (i32.const 0)) (then (return (i32.const 0))))
            (br $one_by_one)))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (local.set $budget (i32.add (local.get $budget) (i32.const 1)))
        ;; Lanes of two bytes: 110xxxxx and then 10xxxxxx; the others keep their unit.
        (local.set $wide (i16x8.gt_u (local.get $units) (i16x8.splat (i32.const 0x7f))))
        (local.set $lanes (i16x8.bitmask (local.get $wide)))
        (v128.store (local.get $to)
          (i8x16.swizzle
            (v128.bitselect
              (v128.or
                (v128.or
                  (i16x8.shr_u (local.get $units) (i32.const 6))
                  (i16x8.shl (v128.and (local.get $units) (i16x8.splat (i32.const 0x3f))) (i32.const 8)))
                (i16x8.splat (i32.const 0x80c0)))
              (local.get $units)
              (local.get $wide))
            (v128.load (i32.shl (local.get $lanes) (i32.const 4)))))
        (local.set $to (i32.add (i32.add (local.get $to) (i32.const 8)) (i32.popcnt (local.get $lanes))))
        (br $next))

      ;; Up to $stop: the rest, or a block with units of three bytes or with pairs.
      (loop $again
        (if (i32.ge_u (local.get $from) (local.get $stop))
          (then
            (br_if $next (i32.lt_u (local.get $from) (local.get $end)))
            (return (local.get $to))))
        (local.set $unit (i32.load16_u (local.get $from)))
        (local.set $from (i32.add (local.get $from) (i32.const 2)))
        (if (i32.lt_u (local.get $unit) (i32.const 0x80))
          (then
            (i32.store8 (local.get $to) (local.get $unit))
            (local.set $to (i32.add (local.get $to) (i32.const 1)))
            (br $again)))
        (if (i32.lt_u (local.get $unit) (i32.const 0x800))
          (then
            (i32.store8 (local.get $to) (i32.or (i32.const 0xc0) (i32.shr_u (local.get $unit) (i32.const 6))))
            (i32.store8 offset=1 (local.get $to) (i32.or (i32.const 0x80) (i32.and (local.get $unit) (i32.const 0x3f))))
            (local.set $to (i32.add (local.get $to) (i32.const 2)))
            (br $again)))
        (if (i32.ne (i32.and (local.get $unit) (i32.const 0xf800)) (i32.const 0xd800))
          (then
            (i32.store8 (local.get $to) (i32.or (i32.const 0xe0) (i32.shr_u (local.get $unit) (i32.const 12))))
            (i32.store8 offset=1 (local.get $to)
              (i32.or (i32.const 0x80) (i32.and (i32.shr_u (local.get $unit) (i32.const 6)) (i32.const 0x3f))))
            (i32.store8 offset=2 (local.get $to) (i32.or (i32.const 0x80) (i32.and (local.get $unit) (i32.const 0x3f))))
            (local.set $to (i32.add (local.get $to) (i32.const 3)))
            (br $again)))
        ;; A pair: its first half, then its second, both there.
        (if (i32.or (i32.ge_u (local.get $unit) (i32.const 0xdc00)) (i32.ge_u (local.get $from) (local.get $end)))
          (then (return (i32.const 0))))
        (local.set $low (i32.load16_u (local.get $from)))
        (if (i32.ne (i32.and (local.get $low) (i32.const 0xfc00)) (i32.const 0xdc00)) (then (return (i32.const 0))))
        (local.set $from (i32.add (local.get $from) (i32.const 2)))
        (local.set $unit
          (i32.add
            (i32.shl (i32.and (local.get $unit) (i32.const 0x3ff)) (i32.const 10))
            (i32.add (i32.and (local.get $low) (i32.const 0x3ff)) (i32.const 0x10000))))
        (i32.store8 (local.get $to) (i32.or (i32.const 0xf0) (i32.shr_u (local.get $unit) (i32.const 18))))
        (i32.store8 offset=1 (local.get $to)
          (i32.or (i32.const 0x80) (i32.and (i32.shr_u (local.get $unit) (i32.const 12)) (i32.const 0x3f))))
        (i32.store8 offset=2 (local.get $to)
          (i32.or (i32.const 0x80) (i32.and (i32.shr_u (local.get $unit) (i32.const 6)) (i32.const 0x3f))))
        (i32.store8 offset=3 (local.get $to) (i32.or (i32.const 0x80) (i32.and (local.get $unit) (i32.const 0x3f))))
        (local.set $to (i32.add (local.get $to) (i32.const 4)))
        (br $again)))
    (unreachable)))
